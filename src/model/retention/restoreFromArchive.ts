import { z } from 'zod';
import { operationInput } from '../input';
import { recoveryPointIdSchema } from '../points/recoveryPointId';
import { targetInputSchema } from '../target';

export const restoreFromArchiveInput = operationInput({
  recoveryPointId: recoveryPointIdSchema.describe('The point, by its tag `holdfast:recovery-point`.'),
  days: z
    .number()
    .int()
    .min(1)
    .max(180, 'EBS restores for at most 180 days; leave it out for good')
    .optional()
    .describe('How long it stays: 1 to 180. Without it the point leaves the archive for good.'),
  target: targetInputSchema
    .optional()
    .describe("Where the point is; without it the worker's own account and region."),
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
