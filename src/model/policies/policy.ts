import { z } from 'zod';
import { archiveProblem, archiveSchema, type Archive } from '../points/archive';
import { fixedDurationMs, fixedDurationSchema, formatDuration } from '../duration';
import { costTagsSchema } from './costTags';
import {
  copiesSchema,
  copyDeadline,
  copyTermsSchema,
  COMPLETION_ALLOWANCE_MS,
  lockOfCopy,
} from '../copies/copy';
import { hooksProblem, hooksSchema } from '../machines/hooks';
import { operationInput } from '../input';
import { lockProblem, lockSchema, lockTermsSchema, type Lock } from '../points/lock';
import { policyNameSchema } from '../policyName';
import {
  keepsOnlyOne,
  retentionSchema,
  retentionTerms,
  retentionTermsSchema,
  type Retention,
} from '../points/retentionTerms';
import { residencyProblem, residencySchema, type Residency } from '../points/residency';
import { policySelectorSchema } from '../selector';
import { policyTargetsSchema, targetSchema } from '../target';
import { calendarSchema, cronSchema, timetableSchema } from './timetable';
import { copyPlace } from '../ids';

/** Shorter intervals would overlap themselves: a first snapshot of one TiB takes hours. */
const SHORTEST_FREQUENCY_MS = 15 * 60_000;
/** Newest completed points of a lineage that are never deleted. */
export const DEFAULT_MIN_KEEP = 3;
/** Without a selector, a policy protects what carries this tag with the policy's name as value. */
export const DEFAULT_SELECTOR_TAG = 'backup-policy';

/** Every field of a policy by its flat name; the YAML form groups the same ones. */
export const policyFields = {
  policyName: policyNameSchema,
  frequency: fixedDurationSchema
    .optional()
    .describe('How often: an interval counted in UTC. This, or `cron`, or `calendar`.'),
  cron: cronSchema.optional().describe('When, by the wall clock of the timezone.'),
  calendar: calendarSchema
    .optional()
    .describe('When, by fields of the wall clock of the timezone. This, or `frequency`, or `cron`.'),
  jitter: fixedDurationSchema
    .optional()
    .describe('Runs begin at random so much later at most, so that not all policies begin at once.'),
  retention: retentionSchema.describe('How long each point is kept.'),
  timezone: z
    .string()
    .min(1)
    .default('UTC')
    .describe('IANA name; wall-clock schedules and calendar retention are reckoned in it.'),
  selector: policySelectorSchema
    .optional()
    .describe(
      'Which instances and volumes; without it those that carry the tag `backup-policy` with the name of the policy.',
    ),
  targets: policyTargetsSchema.optional(),
  rpo: fixedDurationSchema
    .optional()
    .describe('Oldest that the newest completed point may be. Without it: twice the frequency.'),
  minKeep: z
    .number()
    .int()
    .min(1)
    .max(1000)
    .default(DEFAULT_MIN_KEEP)
    .describe('How many of the newest completed points of a volume are never deleted in a place.'),
  paused: z
    .boolean()
    .optional()
    .describe(
      'Left out, a Schedule keeps its own state, so that no change of the policy lifts a pause; a new one runs.',
    ),
  copies: copiesSchema.optional().describe('Regions to copy every point to.'),
  residency: residencySchema
    .optional()
    .describe('Regions that the data may or may not be in, now and in whatever is made of it later.'),
  archive: archiveSchema.optional().describe('Moves points to the archive tier where that is cheaper.'),
  lock: lockSchema.optional().describe('Locks every completed snapshot.'),
  costTags: costTagsSchema
    .optional()
    .describe(
      'Put on every snapshot and copy, whatever the resource itself carries: tags that bills are split by.',
    ),
  legalHold: z
    .string()
    .min(1, 'say why')
    .max(256)
    .optional()
    .describe('Why every point is kept until two people release it: opens `setLegalHold` for the policy.'),
  hooks: hooksSchema.optional().describe('What runs in the guests before and after a snapshot set.'),
};

/** A backup policy as people write it. The YAML form maps to the same fields (src/client/policyFile.ts). */
export const createBackupPolicyInput = operationInput(policyFields).superRefine((policy, context) => {
  const problem = ({ path, message }: PolicyProblem) =>
    context.addIssue({ code: 'custom', path: [path], message });
  const { frequency, cron, calendar } = policy;
  if ([frequency, cron, calendar].filter((each) => each !== undefined).length !== 1)
    problem({ path: 'frequency', message: 'say when: exactly one of frequency, cron and calendar' });
  const wrongHooks = policy.hooks && hooksProblem(policy.hooks, policy.selector);
  if (wrongHooks) problem({ path: 'hooks', message: wrongHooks });
  const everyMs = frequency === undefined ? undefined : fixedDurationMs(frequency);
  // Wall-clock schedules have gaps that only a calendar knows (src/calendar).
  if (everyMs !== undefined)
    for (const each of rhythmProblems(policy, { longestMs: everyMs, shortestMs: everyMs })) problem(each);
});

export interface PolicyProblem {
  path: string;
  message: string;
}

interface Written {
  frequency?: string;
  cron?: string;
  calendar?: unknown;
  jitter?: string;
  rpo?: string;
  retention: Retention;
  archive?: Archive;
  lock?: Lock;
  residency?: Residency;
  copies?: WrittenCopy[];
}

interface WrittenCopy {
  toRegion: string;
  toAccount?: string;
  retention?: Retention;
  archive?: Archive;
  lock?: Lock;
  rpo?: string;
}

/** What a policy asks for that its own rhythm does not allow. */
export function rhythmProblems(
  policy: Written,
  { longestMs, shortestMs }: { longestMs: number; shortestMs: number },
): PolicyProblem[] {
  const problems: PolicyProblem[] = [];
  const problem = (path: string, message: string) => problems.push({ path, message });
  const when = policy.cron ? 'cron' : policy.calendar ? 'calendar' : 'frequency';
  if (shortestMs < SHORTEST_FREQUENCY_MS) problem(when, 'at least 15m between two slots');
  const jitterMs = policy.jitter === undefined ? 0 : (fixedDurationMs(policy.jitter) ?? 0);
  if (jitterMs > shortestMs / 2) problem('jitter', 'at most half of the shortest time between two slots');
  const rpoMs = policy.rpo === undefined ? undefined : fixedDurationMs(policy.rpo);
  const least = longestMs + jitterMs + COMPLETION_ALLOWANCE_MS;
  if (rpoMs !== undefined && rpoMs < least) {
    const jitter = jitterMs > 0 ? `, ${formatDuration(jitterMs)} of jitter` : '';
    problem(
      'rpo',
      `cannot be met: ${formatDuration(longestMs)} between runs${jitter} and up to ${formatDuration(COMPLETION_ALLOWANCE_MS)} until snapshots complete make ${formatDuration(least)}; raise the rpo or run more often`,
    );
  }
  const tooShort = `must be longer than the ${when}, or every point would expire before the next`;
  const kept = retentionTerms(policy.retention);
  if (keepsOnlyOne(kept, longestMs)) problem('retention', tooShort);
  const wrongLock = policy.lock && lockProblem(policy.lock, kept);
  if (wrongLock) problem('lock', wrongLock);
  const wrongArchive = policy.archive && archiveProblem(policy.archive, kept);
  if (wrongArchive) problem('archive', wrongArchive);
  for (const copy of policy.copies ?? [])
    for (const message of copyProblems(policy, copy, longestMs))
      if (message !== wrongLock) problem('copies', `${copyPlace(copy)}: ${message}`);
  return problems;
}

function copyProblems(policy: Written, copy: WrittenCopy, longestMs: number): string[] {
  const kept = retentionTerms(copy.retention ?? policy.retention);
  const lock = lockOfCopy(policy, copy);
  const rpoMs = copy.rpo === undefined ? undefined : fixedDurationMs(copy.rpo);
  const deadline = rpoMs === undefined ? undefined : copyDeadline(rpoMs, longestMs, COMPLETION_ALLOWANCE_MS);
  const problems = [
    keepsOnlyOne(kept, longestMs) &&
      'retention must be longer than the time between runs, or every copy would expire before the next',
    lock && lockProblem(lock, kept),
    copy.archive && archiveProblem(copy.archive, kept),
    deadline && 'problem' in deadline && `rpo: ${deadline.problem}`,
    residencyProblem(policy.residency, copy.toRegion),
  ];
  return problems.filter((each) => typeof each === 'string');
}

export type CreateBackupPolicyInput = z.input<typeof createBackupPolicyInput>;
export type BackupPolicy = z.output<typeof createBackupPolicyInput>;

/** What a policy's Schedule carries: everything resolved and reckoned once, so that runs only follow it. */
export const normalizedPolicySchema = operationInput({
  schemaVersion: z.literal(1),
  policyName: policyNameSchema,
  /** The longest time between two slots. */
  frequencyMs: z.number().int().positive(),
  /** Without it, the frequency is an interval. */
  timetable: timetableSchema.optional(),
  cron: z.string().optional(),
  jitterMs: z.number().int().positive().optional(),
  retention: retentionTermsSchema,
  timezone: z.string(),
  selector: policySelectorSchema,
  targets: z.array(targetSchema).min(1),
  /** As written, where the targets are to be looked up by every run. */
  targetsFrom: policyTargetsSchema.optional(),
  rpoMs: z.number().int().positive(),
  minKeep: z.number().int().positive(),
  paused: z.boolean(),
  copies: z.array(copyTermsSchema).default([]),
  residency: residencySchema.optional(),
  archive: archiveSchema.optional(),
  lock: lockTermsSchema.optional(),
  legalHold: z.string().optional(),
  costTags: costTagsSchema.optional(),
  hooks: hooksSchema.optional(),
  /** SHA-256 of all the fields above. */
  hash: z.string(),
});

export type NormalizedPolicy = z.output<typeof normalizedPolicySchema>;

/**
 * The policy of a name, from the arguments that its Schedule starts runs with. Undefined of what no run could follow either: people
 * make Schedules too, and edit them.
 */
export function policyInArguments(
  policyName: string,
  args: readonly unknown[],
): NormalizedPolicy | undefined {
  const parsed = normalizedPolicySchema.safeParse(args[0]);
  return parsed.success && parsed.data.policyName === policyName ? parsed.data : undefined;
}

export interface CreateBackupPolicyResult {
  policyName: string;
  status: 'CREATED' | 'UPDATED' | 'UNCHANGED';
  scheduleId: string;
  /** The next slots, ISO 8601 in UTC; none while the policy is paused. */
  nextRuns: string[];
  /** What the change does not do; left out where there is nothing to say. */
  remarks?: string[];
}

export const deleteBackupPolicyInput = operationInput({ policyName: policyNameSchema });

export type DeleteBackupPolicyInput = z.input<typeof deleteBackupPolicyInput>;

export interface DeleteBackupPolicyResult {
  policyName: string;
  status: 'DELETED';
}

/** When a policy is due, for people. */
export function formatSchedule({
  frequencyMs,
  timetable,
  cron,
  timezone,
}: Pick<NormalizedPolicy, 'frequencyMs' | 'timetable' | 'cron' | 'timezone'>): string {
  if (!timetable) return formatDuration(frequencyMs);
  return `${cron ?? 'by calendar'} (${timezone})`;
}
