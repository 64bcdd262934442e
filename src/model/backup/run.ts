import { z } from 'zod';
import type { Hold } from '../retention/hold';
import { operationInput } from '../input';
import type { Listed } from '../list';
import type { FailedItem } from '../outcome';
import { normalizedPolicySchema, type NormalizedPolicy } from '../policies/policy';
import { policyNameSchema } from '../policyName';
import type { Sizes } from './sizes';
import { targetSchema, type Target } from '../target';
import type { BackupUnit } from '../machines/unit';
import type { Consistency } from '../points/consistency';

export const runBackupByName = operationInput({ policyName: policyNameSchema });

/** `runBackup` takes the normalized policy that its Schedule carries, or the policy's name. */
export type RunBackupInput = z.input<typeof runBackupByName> | NormalizedPolicy;

export function runBackupSchema(input: unknown): z.ZodType<{ policyName: string } | NormalizedPolicy> {
  const isPolicy = typeof input === 'object' && input !== null && 'schemaVersion' in input;
  return isPolicy ? normalizedPolicySchema : runBackupByName;
}

/** One unit's recovery point as a run leaves it. */
export interface RecoveryPointSummary {
  recoveryPointId: string;
  resourceId: string;
  snapshotIds: string[];
  /** Of the snapshots, in the same order. */
  volumeIds: string[];
  /** Of blocks that have ever been written, in all of them. */
  fullBytes: number;
  /** False when an earlier run of the same slot had made it. */
  created: boolean;
  /** Of points whose policy asks for hooks. */
  consistency?: Consistency;
  /** Why it is consistent only as after a power failure, where that is known. */
  crashBecause?: string;
  /** Volumes that the policy leaves out, and that are in the set because EC2 leaves out no more than forty. */
  takenAlong?: string[];
  /** Keys of tags that did not fit on the snapshots that this run made. */
  droppedTags?: string[];
}

export interface FailedBackup extends FailedItem {
  /** The slot of its newest complete point, ISO 8601 in UTC; not there when none of the last ten slots has one. */
  lastPoint?: string;
}

/** What the policy selects and Holdfast keeps for itself: the originals of a migration until its commit, and the like. */
export interface LeftOut {
  item: string;
  why: string;
}

export interface BackupTally {
  selected: number;
  protected: number;
  created: number;
  volumes: number;
}

/** One target of a run. The tally and lists are what earlier runs of the same chain (continue as new) found. */
export const backupTargetInput = operationInput({
  policy: normalizedPolicySchema,
  target: targetSchema,
  /** Milliseconds since the epoch. */
  slotMs: z.number().int(),
  /** When the run began, in milliseconds since the epoch: an outage before it is no fault of its own. */
  begunMs: z.number().int(),
  /** The run's own tells what its targets share, and lets them say at once what 0.1.0 said in three calls. */
  begunBy: z.literal('0.2').optional(),
  /** Legal holds that the run has read, for its first pages. */
  holds: z.array(z.custom<Hold>()).optional(),
  cursor: z.string().optional(),
  soFar: z.custom<BackupTargetResult>().optional(),
  /** What was starting or stopping when its turn came. */
  unsettled: z.array(z.custom<BackupUnit>()).optional(),
});

export type BackupTargetInput = z.input<typeof backupTargetInput>;
export type BackupTargetRequest = z.output<typeof backupTargetInput>;

export interface BackupTargetResult extends BackupTally {
  recoveryPoints: Listed<RecoveryPointSummary>;
  failed: Listed<FailedBackup>;
  /** Not there in results of 0.1.0. */
  leftOut?: Listed<LeftOut>;
  /** Ids that the policy names, and nothing in this target has; another target may. Not there in results of 0.1.0. */
  missing?: string[];
  /** Of the points that the run made. */
  sizes: Sizes;
}

/** Copies of one target's points to one region, as the run leaves them. */
export interface StartedCopyJob {
  workflowId: string;
  from: Target;
  toRegion: string;
  /** `RUNNING`: an earlier run of the slot had started it already. */
  state: 'STARTED' | 'RUNNING';
}

/** A run that was terminated, or timed out. */
export interface CutOffRun {
  workflowId: string;
  status: 'TERMINATED' | 'TIMED_OUT';
}

export interface RunBackupResult {
  policyName: string;
  /** ISO 8601, UTC. */
  slot: string;
  /**
   * `DUPLICATE_SLOT`: earlier runs of this slot had protected everything, and nothing was made. `FAILED`: nothing is protected. 0.1.0
   * says `COMPLETED` of all that is no duplicate.
   */
  status: 'COMPLETED' | 'DUPLICATE_SLOT' | 'PARTLY_FAILED' | 'FAILED';
  /** How long after its slot the run began, in milliseconds. */
  lateMs: number;
  /** Slots since the run before that no run was started for, ISO 8601 in UTC. */
  missedSlots: Listed<string>;
  /** The run before this one, where it was ended from outside and could tell nobody. */
  cutOff?: CutOffRun;
  /** Instances and standalone volumes that the policy selects. */
  selected: number;
  protected: number;
  /** Volumes in the recovery points of this slot. */
  volumes: number;
  failed: Listed<FailedBackup>;
  /** Volumes of each target that Holdfast keeps for itself: they are not selected. Each target's own run names them. */
  leftOut: Listed<{ target: Target; volumes: number }>;
  recoveryPoints: Listed<RecoveryPointSummary>;
  /** The workflows that copy the points; they go on after this run has ended. */
  copies: Listed<StartedCopyJob>;
  /** Of the points that this run made. */
  sizes: Sizes;
  /** Protected share of what is selected, 0 to 1. */
  coverage: number;
}
