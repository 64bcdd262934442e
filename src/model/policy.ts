import { z } from 'zod';
import { fixedDurationMs, fixedDurationSchema, formatDuration } from './duration';
import { copiesSchema, copyTermsSchema } from './copy';
import { notYet, operationInput } from './input';
import { lockProblem, lockSchema, lockTermsSchema } from './lock';
import { policyNameSchema } from './policyName';
import { keepsOnlyOne, retentionSchema, retentionTerms, retentionTermsSchema } from './retentionTerms';
import { policySelectorSchema } from './selector';
import { targetSchema, targetsInputSchema } from './target';

/** Shorter intervals would overlap themselves: a first snapshot of one TiB takes hours. */
const SHORTEST_FREQUENCY_MS = 15 * 60_000;
/** What a run may take until its snapshots are complete: queueing, the calls, changed blocks. */
export const COMPLETION_ALLOWANCE_MS = 30 * 60_000;
/** Newest completed points of a lineage that are never deleted. */
export const DEFAULT_MIN_KEEP = 3;
/** Without a selector, a policy protects what carries this tag with the policy's name as value. */
export const DEFAULT_SELECTOR_TAG = 'backup-policy';

/** Every field of a policy by its flat name; the YAML form groups the same ones. */
export const policyFields = {
  policyName: policyNameSchema,
  /** How often: an interval counted in UTC. */
  frequency: fixedDurationSchema,
  /** How long each point is kept. */
  retention: retentionSchema,
  /** IANA name; calendar retention (months, years) is reckoned in it. */
  timezone: z.string().min(1).default('UTC'),
  selector: policySelectorSchema.optional(),
  targets: targetsInputSchema.optional(),
  /** Oldest that the newest completed point may be. Without it: twice the frequency. */
  rpo: fixedDurationSchema.optional(),
  minKeep: z.number().int().min(1).max(1000).default(DEFAULT_MIN_KEEP),
  paused: z.boolean().default(false),
  /** Regions to copy every point to. */
  copies: copiesSchema.optional(),
  archive: notYet('archive is'),
  /** Locks every completed snapshot. */
  lock: lockSchema.optional(),
  /** Why every point is kept until two people release it: opens `setLegalHold` for the policy. */
  legalHold: z.string().min(1, 'say why').max(256).optional(),
  hooks: notYet('hooks are'),
};

/** A backup policy as people write it. The YAML form maps to the same fields (src/policies). */
export const createBackupPolicyInput = operationInput(policyFields).superRefine((policy, context) => {
  const problem = (path: string, message: string) =>
    context.addIssue({ code: 'custom', path: [path], message });
  const every = fixedDurationMs(policy.frequency) ?? 0;
  if (every < SHORTEST_FREQUENCY_MS) problem('frequency', 'at least 15m');
  const rpo = policy.rpo === undefined ? undefined : fixedDurationMs(policy.rpo);
  if (rpo !== undefined && rpo < every + COMPLETION_ALLOWANCE_MS) {
    problem(
      'rpo',
      `cannot be met: ${formatDuration(every)} between runs and up to ${formatDuration(COMPLETION_ALLOWANCE_MS)} until snapshots complete make ${formatDuration(every + COMPLETION_ALLOWANCE_MS)}; raise the rpo or run more often`,
    );
  }
  const tooShort = 'must be longer than the frequency, or every point would expire before the next';
  const kept = retentionTerms(policy.retention);
  if (keepsOnlyOne(kept, every)) problem('retention', tooShort);
  const wrongLock = policy.lock && lockProblem(policy.lock, kept);
  if (wrongLock) problem('lock', wrongLock);
  for (const { toRegion, retention = policy.retention, lock = policy.lock } of policy.copies ?? []) {
    const copyKept = retentionTerms(retention);
    if (keepsOnlyOne(copyKept, every)) problem('copies', `retention of ${toRegion} ${tooShort}`);
    const wrong = lock && lockProblem(lock, copyKept);
    if (wrong && wrong !== wrongLock) problem('copies', `lock of ${toRegion}: ${wrong}`);
  }
});

export type CreateBackupPolicyInput = z.input<typeof createBackupPolicyInput>;
export type BackupPolicy = z.output<typeof createBackupPolicyInput>;

/** What a policy's Schedule carries: everything resolved and reckoned once, so that runs only follow it. */
export const normalizedPolicySchema = operationInput({
  schemaVersion: z.literal(1),
  policyName: policyNameSchema,
  frequencyMs: z.number().int().positive(),
  retention: retentionTermsSchema,
  timezone: z.string(),
  selector: policySelectorSchema,
  targets: z.array(targetSchema).min(1),
  rpoMs: z.number().int().positive(),
  minKeep: z.number().int().positive(),
  paused: z.boolean(),
  copies: z.array(copyTermsSchema).default([]),
  lock: lockTermsSchema.optional(),
  legalHold: z.string().optional(),
  /** SHA-256 of all the fields above. */
  hash: z.string(),
});

export type NormalizedPolicy = z.output<typeof normalizedPolicySchema>;

export interface CreateBackupPolicyResult {
  policyName: string;
  status: 'CREATED' | 'UPDATED' | 'UNCHANGED';
  scheduleId: string;
  /** The next slots, ISO 8601 in UTC; none while the policy is paused. */
  nextRuns: string[];
}

export const deleteBackupPolicyInput = operationInput({ policyName: policyNameSchema });

export type DeleteBackupPolicyInput = z.input<typeof deleteBackupPolicyInput>;

export interface DeleteBackupPolicyResult {
  policyName: string;
  status: 'DELETED';
}
