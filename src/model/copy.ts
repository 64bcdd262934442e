import { z } from 'zod';
import { fixedDurationMs, fixedDurationSchema } from './duration';
import { notYet, operationInput } from './input';
import type { Listed } from './list';
import { lockSchema, lockTermsSchema } from './lock';
import type { FailedItem } from './outcome';
import { policyNameSchema } from './policyName';
import { retentionSchema, retentionTermsSchema } from './retentionTerms';
import { regionSchema, targetKey, targetSchema, type Target } from './target';

/** Steps of CopySnapshot's CompletionDurationMinutes, and its longest: https://docs.aws.amazon.com/ebs/latest/userguide/time-based-copies.html */
const DEADLINE_STEP_MS = 15 * 60_000;
const LONGEST_DEADLINE_MS = 48 * 3_600_000;

/** EBS copies at most this many snapshots at once to a region: https://docs.aws.amazon.com/ebs/latest/userguide/ebs-copy-snapshot.html */
export const COPIES_AT_ONCE = 20;

/** A copy that ends in error is deleted and made again this often before it counts as failed. */
export const COPY_ATTEMPTS = 3;

/** Where a policy's recovery points are copied to. */
export const copySchema = z.strictObject({
  toRegion: regionSchema,
  /** A key of that region; without it only unencrypted snapshots are copied. */
  kmsKeyId: z.string().min(1).max(2048).optional(),
  /** How long the copies are kept; the policy's retention when left out. */
  retention: retentionSchema.optional(),
  /** Locks every completed copy; the policy's lock when left out. */
  lock: lockSchema.optional(),
  /** Asks EBS to complete each copy in this time, for an extra price: 15m to 2d in steps of 15m. */
  within: fixedDurationSchema.refine(isDeadline, 'must be 15m to 2d, in steps of 15m').optional(),
  toAccount: notYet('copies into another account are'),
});

export const copiesSchema = z
  .array(copySchema)
  .min(1, 'leave it out, or name a region')
  .max(10)
  .refine(
    (copies) => new Set(copies.map(({ toRegion }) => toRegion)).size === copies.length,
    'names a region twice',
  );

function isDeadline(text: string): boolean {
  const ms = fixedDurationMs(text) ?? 0;
  return ms >= DEADLINE_STEP_MS && ms <= LONGEST_DEADLINE_MS && ms % DEADLINE_STEP_MS === 0;
}

/** A copy as a normalized policy carries it. */
export const copyTermsSchema = z.strictObject({
  toRegion: regionSchema,
  /** The key's ARN where the policy has one target account; as written otherwise, because aliases differ by account. */
  kmsKeyId: z.string().optional(),
  retention: retentionTermsSchema,
  lock: lockTermsSchema.optional(),
  withinMinutes: z.number().int().positive().optional(),
});

export type CopyTerms = z.output<typeof copyTermsSchema>;

/** The recovery points that one slot of a policy made in one target, to be copied to one region. */
export const copyJobSchema = operationInput({
  policyName: policyNameSchema,
  /** Milliseconds since the epoch. */
  slotMs: z.number().int(),
  target: targetSchema,
  terms: copyTermsSchema,
  /** For calendar retention. */
  timezone: z.string(),
  /** The policy's RPO: shorter ones are copied first. */
  rpoMs: z.number().int().positive(),
});

export type CopyJob = z.output<typeof copyJobSchema>;

/** Where the job's copies are made: the same account, another region. */
export function destinationOf({ target, terms }: Pick<CopyJob, 'target' | 'terms'>): Target {
  return { accountId: target.accountId, region: terms.toRegion };
}

/** For people: what is copied where. */
export function copyTitle(job: CopyJob): string {
  return `${job.policyName} ${new Date(job.slotMs).toISOString()} from ${targetKey(job.target)} to ${job.terms.toRegion}`;
}

export interface CopyRecoveryPointsResult {
  policyName: string;
  slot: string;
  from: Target;
  toRegion: string;
  /** Snapshots that have a completed copy there. */
  copied: number;
  failed: Listed<FailedItem>;
}
