import { z } from 'zod';
import { operationInput } from '../input';
import type { Listed } from '../list';
import type { Orphan } from './orphans';
import type { FailedItem } from '../outcome';
import type { OthersCount } from '../points/snapshotOwner';
import { targetsInputSchema, type Target } from '../target';

export const sweepOrphansInput = operationInput({
  targets: targetsInputSchema.optional().describe("Without it: the worker's own account and region."),
  dryRun: z.boolean().default(true).describe('Finds, and removes nothing.'),
  letGo: z
    .array(z.string().regex(/^(i|vol)-[0-9a-f]{8,17}$/, 'not an instance or volume id'))
    .min(1)
    .max(100)
    .optional()
    .describe(
      'Instances and volumes that are not backed up any more, and of which the last recovery points may go too. Held, locked and used ones stay all the same.',
    ),
});

export type SweepOrphansInput = z.input<typeof sweepOrphansInput>;

export interface SweepOrphansResult {
  dryRun: boolean;
  found: Listed<Orphan & { target: Target }>;
  /** Resource ids, of recovery points theirs; of shares the workflow id of the job. */
  deleted: Listed<string>;
  /** Snapshots that are others' to look after. */
  others: OthersCount;
  failed: Listed<FailedItem>;
}
