import { z } from 'zod';
import { moveCost, type MoveCost } from './cost';
import { reducedSpeedHours, expectedDowntimes, MAX_CLONES } from './downtime';
import { operationInput } from '../input';
import { diskPlan, whyNothingToDo, type LeftVolume, type MoveReport, type Wanted } from './migration';
import { formatWayBack, parseWayBack } from '../machines/marks';
import { strategySchema, type StrategyPlan } from './strategy';
import { volumeTagBlockers } from './tagRoom';
import { targetSchema, type Target } from '../target';
import type { Warning } from './warnings';
import type { DiskPlan, MovePlan, VolumeFacts } from '../machines/facts';
import { isVolumeId } from '../ids';

/** A volume that is attached to nothing moves by itself: nothing stops, and no program can write to it. */
export interface LoneVolumeFacts extends VolumeFacts {
  target: Target;
  /** Instances that it is attached to. */
  attachedTo: string[];
}

export type PlannedVolume = MovePlan & {
  volumeId: string;
  strategy: StrategyPlan;
  cost: MoveCost;
  warnings?: Warning[];
};

export type VolumeDecision =
  | { kind: 'plan'; plan: PlannedVolume }
  | { kind: 'nothing'; reason: string }
  | { kind: 'blocked'; reasons: string[] }
  | { kind: 'interrupted'; migrationId: string };

export function planVolume(facts: LoneVolumeFacts, wanted: Omit<Wanted, 'healthChecks'>): VolumeDecision {
  const { kmsKeyArn, rekey } = wanted;
  const otherKey = facts.encrypted && facts.kmsKeyArn !== kmsKeyArn;
  if (facts.encrypted && !(rekey && otherKey))
    return { kind: 'nothing', reason: whyNothingToDo(otherKey ? [facts] : [], rekey) };
  const strategy = strategyOf(wanted, facts);
  const reasons = [...blockers(facts), ...volumeTagBlockers(facts.volumeId, facts.tagKeys, strategy.name)];
  if (reasons.length > 0) return { kind: 'blocked', reasons };
  const { target, volumeId } = facts;
  const plan = { target, volumeId, kmsKeyArn, disks: [loneDisk(facts)] };
  return { kind: 'plan', plan: { ...plan, strategy, cost: moveCost(plan.disks, strategy.name) } };
}

export function loneDisk(facts: VolumeFacts): DiskPlan {
  return { ...diskPlan(facts), ...(facts.multiAttach && { multiAttach: true }) };
}

function blockers({ volumeId, state, attachedTo, beingModified, managedBy }: LoneVolumeFacts): string[] {
  const rules: [boolean, string][] = [
    [attachedTo.length > 0, `it is attached to ${attachedTo.join(', ')}; select it again to move it there`],
    [attachedTo.length === 0 && state !== 'available', `it is ${state}`],
    [beingModified, 'it is being modified; wait until that is done'],
    [
      managedBy === 'Kubernetes',
      `it belongs to a Kubernetes volume, which knows it by its id ${volumeId}; move the data with Kubernetes, by a volume snapshot into an encrypted storage class`,
    ],
    [
      managedBy !== undefined && managedBy !== 'Kubernetes',
      `it belongs to ${managedBy}, which knows it by its id ${volumeId}; let that service replace it`,
    ],
  ];
  return rules.flatMap(([holds, reason]) => (holds ? reason : []));
}

function strategyOf({ strategy: asked }: Pick<Wanted, 'strategy'>, disk: { size: number }): StrategyPlan {
  const name = asked === 'auto' ? 'direct' : asked;
  const why =
    asked === 'auto'
      ? `it is attached to nothing, so there is no downtime to shorten, and the region's ${MAX_CLONES} volume copies are left to machines that run`
      : `strategy ${asked} was asked for`;
  const slow = name === 'clone' && { reducedSpeedHours: reducedSpeedHours([disk]) };
  return { asked, name, why, expectedDowntimeMs: expectedDowntimes([]), ...slow };
}

export const migrateVolumeInput = operationInput({
  target: targetSchema,
  volumeId: z.string().min(1),
  kmsKeyArn: z.string().min(1),
  strategy: strategySchema.default('auto'),
  rekey: z.boolean().default(false),
  /** After so long the original is deleted without a `commit`; without it it waits for one. */
  soakMs: z.number().int().positive().optional(),
  /** Workflow id of the campaign that is told how it ended. */
  campaignId: z.string().optional(),
});

export type MigrateVolumeInput = z.input<typeof migrateVolumeInput>;
export type MigrateVolumeRequest = z.output<typeof migrateVolumeInput>;

export interface VolumeReport extends MoveReport {
  volumeId: string;
  /** Tags of other resources that hold the old id: nothing changes those. */
  references?: string[];
}

export interface MigrateVolumeResult extends VolumeReport {
  committed: boolean;
  /** The original, where somebody had deleted it before the commit could keep its last moment. */
  lost?: string[];
  keptRecoveryPoint?: string;
  /** The new volume, where a rollback has left it, because what is on it could not be kept. */
  leftVolumes?: LeftVolume[];
}

/** What a terminated move has left, read from the original's mark. */
export interface InterruptedVolume {
  migrationId: string;
  plan: MovePlan;
  /** The new volume, where the move was over and waits for its verdict. */
  soaking?: { volumeId: string; createdAt: number };
  /** The new volume of a move that was not over, as far as there is proof. */
  replacements?: Record<string, string>;
  /** The original names its new volume, whether that is there or not. */
  named?: boolean;
  /** It was rolled back when it ended: by these runs. */
  goingBack?: string[];
  /** The original is gone, and the snapshot of its last moment is kept: a commit had begun. */
  committed?: true;
  /** Staging snapshots that it had begun to delete; none where it had not. */
  staged?: string[];
  /** Volumes that seem to be the new one and are not proven: they are left alone. */
  unclear?: string[];
}

/** `swap` while the new volume is made, `soak` once it may be used. */
const PHASES = ['swap', 'soak'] as const;
export type VolumePhase = (typeof PHASES)[number];

/**
 * Tag on the original, in the form of a machine's originals:
 * `<migration id> <volume id> <phase> - <new volume id|-> [back <run id> …]`. It names its own bearer; 0.1.0 wrote the first four words.
 */
export function formatVolumeMark(
  volumeId: string,
  { migrationId, phase, replacedBy = '-', goingBack }: VolumeMark,
): string {
  return [migrationId, volumeId, phase, '-', replacedBy, ...formatWayBack(goingBack)].join(' ');
}

export interface VolumeMark {
  migrationId: string;
  phase: VolumePhase;
  /** The new volume that stands for it, once it may be used. */
  replacedBy?: string;
  /** It is being rolled back, by these runs, the last one last: whoever finds it so finishes that. */
  goingBack?: string[];
}

/** Undefined too of a mark that was written on another volume than this one. */
export function parseVolumeMark(text = '', bearer?: string): VolumeMark | undefined {
  const [migrationId, volumeId, word, , replacedBy = '-', ...wayBack] = text.split(' ');
  const phase = PHASES.find((each) => each === word);
  if (!migrationId || !isVolumeId(volumeId) || !phase || (bearer ?? volumeId) !== volumeId) return undefined;
  const goingBack = parseWayBack(wayBack);
  return { migrationId, phase, ...(replacedBy !== '-' && { replacedBy }), ...(goingBack && { goingBack }) };
}
