import { z } from 'zod';
import { fixedDurationMs, fixedDurationSchema, retentionDurationSchema } from '../duration';
import { leastAgeMs, mostAgeMs, type RetentionTerms } from './retentionTerms';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
/** https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_LockSnapshot.html#API_LockSnapshot_RequestParameters: LockDuration */
const LONGEST_LOCK_MS = 36_500 * DAY_MS;
const TOO_LONG = 'EBS locks for at most 36500 days, which are less than 100 years; write it like 7y, or 99y';

/**
 * EBS snapshot lock (https://docs.aws.amazon.com/ebs/latest/userguide/ebs-snapshot-lock.html): nobody deletes a locked
 * snapshot. `governance` can be lifted by those who have the permission; `compliance` by nobody, not even AWS, once
 * the cool-off is over.
 */
export const lockSchema = z
  .strictObject({
    mode: z
      .enum(['governance', 'compliance'], { error: 'governance or compliance' })
      .describe(
        '`governance`: who has the permission can lift it; `compliance`: nobody can, after `coolOff`.',
      ),
    for: retentionDurationSchema
      .refine((text) => mostAgeMs(text) <= LONGEST_LOCK_MS, TOO_LONG)
      .refine((text) => leastAgeMs({ keep: text }) >= DAY_MS, 'EBS locks for a day at least')
      .optional()
      .describe(
        'From when the point was taken; as long as the retention keeps it by age when left out. At least a day.',
      ),
    coolOff: fixedDurationSchema
      .refine(isCoolOff, 'must be 1h to 3d, in hours')
      .optional()
      .describe('How long a compliance lock may still be lifted: 1h to 3d, in hours.'),
  })
  .refine(({ mode, coolOff }) => coolOff === undefined || mode === 'compliance', {
    path: ['coolOff'],
    message: 'only a compliance lock has one; leave it out',
  });

export type Lock = z.output<typeof lockSchema>;

function isCoolOff(text: string): boolean {
  const ms = fixedDurationMs(text) ?? 0;
  return ms >= HOUR_MS && ms <= 3 * DAY_MS && ms % HOUR_MS === 0;
}

/** A lock as a normalized policy carries it. */
export const lockTermsSchema = z.strictObject({
  mode: z.enum(['governance', 'compliance']),
  for: retentionDurationSchema,
  coolOffHours: z.number().int().positive().optional(),
});

export type LockTerms = z.output<typeof lockTermsSchema>;

/** One sentence about the field `for`; undefined when the lock fits the retention. */
export function lockProblem(lock: Lock, retention: RetentionTerms): string | undefined {
  const { keep } = retention;
  if (lock.for === undefined)
    return keep === undefined || keep === 'forever'
      ? 'for: say how long, because the retention has no age to take it from'
      : leastAgeMs(retention) < DAY_MS
        ? 'for: EBS locks for a day at least, and the retention is shorter'
        : mostAgeMs(keep) > LONGEST_LOCK_MS
          ? `for: say how long, because the retention is longer than a lock can be: ${TOO_LONG}`
          : undefined;
  return keep !== undefined && leastAgeMs({ keep: lock.for }) > leastAgeMs(retention)
    ? `for: ${lock.for} is longer than the retention of ${keep}; points could not be deleted when they are due`
    : undefined;
}

export function lockTerms(lock: Lock, { keep = '' }: RetentionTerms): LockTerms {
  const coolOffMs = lock.coolOff === undefined ? undefined : fixedDurationMs(lock.coolOff);
  return {
    mode: lock.mode,
    for: lock.for ?? keep,
    ...(coolOffMs !== undefined && { coolOffHours: coolOffMs / HOUR_MS }),
  };
}
