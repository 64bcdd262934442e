import { z } from 'zod';
import { operationInput } from './input';
import { regionSchema, targetsInputSchema, type Target } from './target';

/** The account's EBS settings in one region; `kmsKeyId` is what EC2 reports: an id, ARN or alias. */
export interface EncryptionDefault {
  enabled: boolean;
  kmsKeyId: string;
}

export const enableEncryptionByDefaultInput = operationInput({
  /** Key of each region: id, ARN or alias. */
  kmsKeyIds: z
    .record(regionSchema, z.string().min(1))
    .refine(
      (keys) => Object.keys(keys).length > 0,
      'name at least one region and its key: {"us-east-1": "alias/ebs"}',
    ),
  /** Without it: the own account in each region of `kmsKeyIds`. */
  targets: targetsInputSchema.optional(),
}).superRefine(({ kmsKeyIds, targets }, context) => {
  // A target without a region is in the worker's, which shows only when targets are resolved.
  const regions = targets?.flatMap(({ region }) => region ?? []);
  const open = targets?.some(({ region }) => region === undefined) ?? false;
  for (const problem of regions ? regionMismatch(kmsKeyIds, regions, open) : [])
    context.addIssue({ code: 'custom', path: [problem.field], message: problem.message });
});

export type EnableEncryptionByDefaultInput = z.input<typeof enableEncryptionByDefaultInput>;

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
export function encryptsUnder({ enabled, kmsKeyId }: EncryptionDefault, keyArn: string): boolean {
  return enabled && kmsKeyId !== '' && (kmsKeyId === keyArn || keyArn.endsWith(`:key/${kmsKeyId}`));
}

/** A target that encrypts by default now; `before` and `after` are alike where it did already. */
export interface EncryptionDefaultChange {
  target: Target;
  before: EncryptionDefault;
  after: EncryptionDefault;
}
