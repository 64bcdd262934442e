import { z } from 'zod';
import type { UnknownHold } from './hold';
import { operationInput } from '../input';
import type { Listed } from '../list';
import type { FailedItem } from '../outcome';
import type { Stranger } from '../points/pointClaims';
import type { KeepReason, KeptPoint } from '../points/retention';
import type { OthersCount } from '../points/snapshotOwner';
import { targetsInputSchema, type Target } from '../target';

export const enforceExpiryInput = operationInput({
  targets: targetsInputSchema.optional().describe("Without it: the worker's own account and region."),
  dryRun: z.boolean().default(false).describe('Decides, and deletes nothing.'),
});

export type EnforceExpiryInput = z.input<typeof enforceExpiryInput>;

export interface EnforceExpiryResult {
  dryRun: boolean;
  /** Recovery points deleted, or, in a dry run, that would be. */
  expired: Listed<{ target: Target; recoveryPointId: string; snapshotIds: string[] }>;
  kept: Listed<{ target: Target } & KeptPoint>;
  /** Snapshots with the marks of points that AWS's own records say are copies of them: somebody else's, and never touched. */
  notOurs?: Listed<{ target: Target } & Stranger>;
  /** Points that would be archived, and are not, with the reason. */
  notArchived?: Listed<{ target: Target; recoveryPointId: string; reason: string }>;
  /** How many points stay for each reason. */
  keptByReason: Partial<Record<KeepReason, number>>;
  /** Recovery points sent to the archive, or, in a dry run, that would be. */
  archived: Listed<{ target: Target; recoveryPointId: string }>;
  /** Snapshots that AWS Backup and Data Lifecycle Manager look after; they are never touched. */
  others: OthersCount;
  /** Legal holds that are open and do not say what they hold. */
  holdsNotKnown: UnknownHold[];
  /** Policies whose Schedules carry nothing that can be read: all of their points stay. */
  unreadablePolicies: Listed<string>;
  failed: Listed<FailedItem>;
}
