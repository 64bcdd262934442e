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
});

export type EnableEncryptionByDefaultInput = z.input<typeof enableEncryptionByDefaultInput>;

export interface EncryptionDefaultChange {
  target: Target;
  before: EncryptionDefault;
  after: EncryptionDefault;
}
