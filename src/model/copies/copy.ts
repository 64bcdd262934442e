import { z } from 'zod';
import { archiveSchema } from '../points/archive';
import { fixedDurationMs, fixedDurationSchema, formatDuration } from '../duration';
import { operationInput } from '../input';
import type { Listed } from '../list';
import { lockSchema, lockTermsSchema, type Lock } from '../points/lock';
import type { FailedItem } from '../outcome';
import { policyNameSchema } from '../policyName';
import { retentionSchema, retentionTermsSchema } from '../points/retentionTerms';
import { accountIdSchema, regionSchema, targetKey, targetSchema, type Target } from '../target';
import { type CopyPlace, copyPlace } from '../ids';

/** What a run may take until its snapshots are complete: queueing, the calls, changed blocks. */
export const COMPLETION_ALLOWANCE_MS = 30 * 60_000;

/** Steps of CopySnapshot's CompletionDurationMinutes, and its longest: https://docs.aws.amazon.com/ebs/latest/userguide/time-based-copies.html */
const DEADLINE_STEP_MS = 15 * 60_000;
const LONGEST_DEADLINE_MS = 48 * 3_600_000;

/** EBS copies at most this many snapshots at once to a region: https://docs.aws.amazon.com/ebs/latest/userguide/ebs-copy-snapshot.html */
export const COPIES_AT_ONCE = 20;

/** A copy that ends in error is deleted and made again this often before it counts as failed. */
export const COPY_ATTEMPTS = 3;

/** Where a policy's recovery points are copied to. */
export const copySchema = z.strictObject({
  toRegion: regionSchema.describe('Region of the copies.'),
  toAccount: accountIdSchema
    .optional()
    .describe("Another account, a vault: who can delete in the policy's accounts cannot delete there."),
  kmsKeyId: z
    .string()
    .min(1)
    .max(2048)
    .optional()
    .describe(
      'A key of that region and account; without it only unencrypted snapshots are copied, and none into a vault.',
    ),
  retention: retentionSchema
    .optional()
    .describe("How long the copies are kept; the policy's retention when left out."),
  archive: archiveSchema.optional().describe('Archives copies; without it they stay in the standard tier.'),
  lock: lockSchema
    .optional()
    .describe(
      "Locks every completed copy; the policy's lock when left out, and in a vault without one, governance.",
    ),
  within: fixedDurationSchema
    .refine(isDeadline, 'must be 15m to 2d, in steps of 15m')
    .optional()
    .describe('Asks EBS to complete each copy in this time, for an extra price: 15m to 2d in steps of 15m.'),
  rpo: fixedDurationSchema
    .optional()
    .describe(
      'Oldest that the newest copy may be: sets `within` by what the schedule leaves of it, and later copies fail.',
    ),
});

export type Copy = z.output<typeof copySchema>;

export const copiesSchema = z
  .array(copySchema)
  .min(1, 'leave it out, or name a region')
  .max(10)
  .refine(
    (copies) => new Set(copies.map(copyPlace)).size === copies.length,
    'names a region of an account twice',
  )
  .refine((copies) => copiesTag(copies).length <= 256, 'too many for one tag; name fewer')
  .superRefine((copies, context) =>
    copies.forEach(({ toAccount, kmsKeyId, within, rpo }, index) => {
      const problem = (field: string, message: string) =>
        context.addIssue({ code: 'custom', path: [index, field], message });
      if (toAccount !== undefined && kmsKeyId === undefined)
        problem('kmsKeyId', 'name a key of the vault account: copies there are under its own key');
      if (within !== undefined && rpo !== undefined)
        problem('within', 'follows from rpo; leave one of them out');
    }),
  );

/** Tag value: where copies of a point belong. */
export function copiesTag(copies: readonly CopyPlace[]): string {
  return copies.map(copyPlace).join(' ');
}

function isDeadline(text: string): boolean {
  const ms = fixedDurationMs(text) ?? 0;
  return ms >= DEADLINE_STEP_MS && ms <= LONGEST_DEADLINE_MS && ms % DEADLINE_STEP_MS === 0;
}

/** A copy as a normalized policy carries it. */
export const copyTermsSchema = z.strictObject({
  toRegion: regionSchema,
  toAccount: accountIdSchema.optional(),
  /** The key's ARN where the policy has one target account; as written otherwise, because aliases differ by account. */
  kmsKeyId: z.string().optional(),
  retention: retentionTermsSchema,
  archive: archiveSchema.optional(),
  lock: lockTermsSchema.optional(),
  withinMinutes: z.number().int().positive().optional(),
  /** After the slot, when a copy that is not complete counts as failed. */
  dueMs: z.number().int().positive().optional(),
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
  /** What the slot's own job did not bring there: behind all that is due, and late by nature. */
  isMadeUp: z.literal(true).optional(),
});

export type CopyJob = z.output<typeof copyJobSchema>;

/** Where the job's copies are made: another region of the account, or a vault. */
export function destinationOf({ target, terms }: Pick<CopyJob, 'target' | 'terms'>): Target {
  return { accountId: terms.toAccount ?? target.accountId, region: terms.toRegion };
}

/** What the RPO of copies leaves for each, when snapshots are complete `completeMs` after their slot. */
export function copyDeadline(
  rpoMs: number,
  longestMs: number,
  completeMs: number,
): { dueMs: number; withinMinutes?: number } | { problem: string } {
  const steps = Math.floor((rpoMs - longestMs - completeMs) / DEADLINE_STEP_MS);
  if (steps < 1) {
    const [between, complete] = [formatDuration(longestMs), formatDuration(completeMs)];
    const least = formatDuration(longestMs + completeMs + DEADLINE_STEP_MS);
    return {
      problem: `cannot be met: ${between} between runs, up to ${complete} until snapshots complete and 15 min for the quickest copy make ${least}`,
    };
  }
  const withinMs = steps * DEADLINE_STEP_MS;
  return {
    dueMs: rpoMs - longestMs,
    ...(withinMs <= LONGEST_DEADLINE_MS && { withinMinutes: withinMs / 60_000 }),
  };
}

/** For people: what is copied where. */
export function copyTitle(job: CopyJob): string {
  return `${job.policyName} ${new Date(job.slotMs).toISOString()} from ${targetKey(job.target)} to ${copyPlace(job.terms)}`;
}

export interface CopyRecoveryPointsResult {
  policyName: string;
  slot: string;
  from: Target;
  /** Of a vault. */
  toAccount?: string;
  toRegion: string;
  /** Snapshots that have a completed copy there. */
  copied: number;
  failed: Listed<FailedItem>;
  /** Slots before this one whose missing copies are being made up for now, each by the job of its own. */
  madeUpFor?: string[];
}

/** In a vault, what nobody locks is locked all the same, so that only few can delete it before its time. */
export function lockOfCopy(
  policy: { lock?: Lock },
  copy: Pick<Copy, 'toAccount' | 'lock'>,
): Lock | undefined {
  return copy.lock ?? policy.lock ?? (copy.toAccount === undefined ? undefined : { mode: 'governance' });
}
