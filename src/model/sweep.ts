import { z } from 'zod';
import { operationInput } from './input';
import type { Listed } from './list';
import type { Orphan } from './orphans';
import type { FailedItem } from './outcome';
import type { OthersCount } from './snapshotOwner';
import { targetsInputSchema, type Target } from './target';

export const sweepOrphansInput = operationInput({
  /** Without it: the worker's own account and region. */
  targets: targetsInputSchema.optional(),
  /** Finds, and removes nothing. */
  dryRun: z.boolean().default(true),
});

export type SweepOrphansInput = z.input<typeof sweepOrphansInput>;

export interface SweepOrphansResult {
  dryRun: boolean;
  found: Listed<Orphan & { target: Target }>;
  /** Resource ids; of shares the workflow id of the job. */
  deleted: Listed<string>;
  /** Snapshots that are others' to look after. */
  others: OthersCount;
  failed: Listed<FailedItem>;
}
