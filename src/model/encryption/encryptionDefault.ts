import { z } from 'zod';
import { operationInput } from '../input';
import type { Listed } from '../list';
import type { FailedItem } from '../outcome';
import { regionSchema, targetSchema, targetsInputSchema } from '../target';

const encryptionDefaultSchema = z.strictObject({ enabled: z.boolean(), kmsKeyId: z.string() });

/** The account's EBS settings in one region; `kmsKeyId` is what EC2 reports: an id, ARN or alias. */
export type EncryptionDefault = z.output<typeof encryptionDefaultSchema>;

const changeSchema = z.strictObject({
  target: targetSchema,
  before: encryptionDefaultSchema,
  after: encryptionDefaultSchema,
});

/** What became of a target; `before` and `after` are alike where it was so already. */
export type EncryptionDefaultChange = z.output<typeof changeSchema>;

const MOST_RESTORED = 500;

export const enableEncryptionByDefaultInput = operationInput({
  kmsKeyIds: z
    .record(regionSchema, z.string().min(1))
    .refine(
      (keys) => Object.keys(keys).length > 0,
      'name at least one region and its key: {"us-east-1": "alias/ebs"}',
    )
    .optional()
    .describe('Key of each region: id, ARN or alias.'),
  targets: targetsInputSchema
    .optional()
    .describe('Without it: the own account in each region of `kmsKeyIds`.'),
  restore: z
    .array(changeSchema)
    .min(1, "give the entries of a result's `changed`")
    .max(MOST_RESTORED, `at most ${MOST_RESTORED} at once; start it again with the others`)
    .optional()
    .describe("Instead: undoes these changes, the entries of an earlier result's `changed`."),
}).superRefine(({ kmsKeyIds, targets, restore }, context) => {
  const problem = (field: string, message: string) =>
    context.addIssue({ code: 'custom', path: [field], message });
  if (!kmsKeyIds && !restore)
    problem('kmsKeyIds', 'name at least one region and its key: {"us-east-1": "alias/ebs"}');
  if (restore && (kmsKeyIds ?? targets))
    problem('restore', 'it says which targets and what they had; leave kmsKeyIds and targets out');
  if (!kmsKeyIds) return;
  // A target without a region is in the worker's, which shows only when targets are resolved.
  const regions = targets?.flatMap(({ region }) => region ?? []);
  const open = targets?.some(({ region }) => region === undefined) ?? false;
  for (const { field, message } of regions ? regionMismatch(kmsKeyIds, regions, open) : [])
    problem(field, message);
});

export type EnableEncryptionByDefaultInput = z.input<typeof enableEncryptionByDefaultInput>;

export interface EnableEncryptionByDefaultResult {
  summary: string;
  /** With what was there before; as `restore` of another run these entries undo the change. */
  changed: Listed<EncryptionDefaultChange>;
  failed: Listed<FailedItem>;
  /** What will hurt although everything asked for happened: groups of Auto Scaling that may not use a key. */
  warnings: string[];
}

interface Mismatch {
  field: 'targets' | 'kmsKeyIds';
  message: string;
}

/**
 * Targets without a key, and keys without a target: either is a slip that would leave a region as it is.
 *
 * @param open whether more targets may turn up, so that a key without one is no slip yet
 */
export function regionMismatch(
  kmsKeyIds: Record<string, string>,
  targetRegions: readonly string[],
  open = false,
): Mismatch[] {
  const keyRegions = Object.keys(kmsKeyIds);
  const keyless = [...new Set(targetRegions)].filter((region) => !keyRegions.includes(region));
  const idle = open ? [] : keyRegions.filter((region) => !targetRegions.includes(region));
  return [
    ...keyless.map((region) => ({
      field: 'targets' as const,
      message: `a target is in ${region}, but kmsKeyIds has keys for ${keyRegions.join(', ')} only; add a key for ${region} or drop the target`,
    })),
    ...idle.map((region) => ({
      field: 'kmsKeyIds' as const,
      message: `there is a key for ${region}, but targets are in ${[...new Set(targetRegions)].join(', ')} only; add a target in ${region} or remove the key`,
    })),
  ];
}

/** What EC2 reports names the key that was asked for; it may report an id or an ARN. */
function isKey(reported: string, wanted: string): boolean {
  return (
    reported === wanted ||
    (reported !== '' && wanted.endsWith(`:key/${reported}`)) ||
    (wanted !== '' && reported.endsWith(`:key/${wanted}`))
  );
}

/** Where an alias was set, EC2 may report it or the key that it stands for. */
export function showsDefault(found: EncryptionDefault, wanted: EncryptionDefault): boolean {
  const isOfAlias = wanted.kmsKeyId.startsWith('alias/') && !found.kmsKeyId.startsWith('alias/');
  return isSameDefault(found, wanted) || (isOfAlias && found.enabled === wanted.enabled);
}

export function isSameDefault(found: EncryptionDefault, wanted: EncryptionDefault): boolean {
  return found.enabled === wanted.enabled && isKey(found.kmsKeyId, wanted.kmsKeyId);
}
