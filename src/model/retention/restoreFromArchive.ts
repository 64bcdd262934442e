import { z } from 'zod';
import { operationInput } from '../input';
import { recoveryPointIdSchema } from '../points/recoveryPointId';
import { targetInputSchema } from '../target';

export const restoreFromArchiveInput = operationInput({
  recoveryPointId: recoveryPointIdSchema,
  /** How long it stays: 1 to 180. Without it the point leaves the archive for good. */
  days: z
    .number()
    .int()
    .min(1)
    .max(180, 'EBS restores for at most 180 days; leave it out for good')
    .optional(),
  /** Where the point is; without it the worker's own account and region. */
  target: targetInputSchema.optional(),
});

export type RestoreFromArchiveInput = z.input<typeof restoreFromArchiveInput>;

export interface RestoreFromArchiveResult {
  recoveryPointId: string;
  /** `account/region`. */
  target: string;
  /** They can be used now. */
  snapshotIds: string[];
  /** When the first goes back, ISO 8601. */
  backUntil?: string;
}
