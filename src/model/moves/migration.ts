import { z } from 'zod';
import { allowSchema, blockersOf, type Acceptable, type Accepted } from './blockers';
import { moveCost, type MoveCost } from './cost';
import { drainSchema, planDrain, type Drain, type DrainPlan } from '../machines/drain';
import { healthCheckBlockers, healthChecksSchema, type HealthCheck } from '../machines/healthChecks';
import { operationInput } from '../input';
import { hookBlockers, migrationHooksSchema, type MigrationHooks } from './hooks';
import type { MarkPhase } from '../machines/marks';
import {
  chooseStrategy,
  strategyBlockers,
  strategySchema,
  type Strategy,
  type StrategyAsked,
  type StrategyPlan,
} from './strategy';
import { MOST_EXCLUDED } from '../selector';
import { hasRoomToClone, machineTagBlockers } from './tagRoom';
import { targetSchema } from '../target';
import type { Warning } from './warnings';
import type { DiskPlan, MachinePlan, VolumeFacts, MachineFacts } from '../machines/facts';

/** What is planned for a machine, as people see it before it happens. */
export type PlannedMachine = MachinePlan & {
  strategy: StrategyPlan;
  cost: MoveCost;
  /** Blockers that `allow` lets pass. */
  accepted?: Accepted[];
  /** A public IPv4 that will change, as was accepted. */
  publicIp?: string;
  /** What a person has to take first; looked for by campaigns. */
  warnings?: Warning[];
  /** Where it leaves target groups before the stop. */
  drain?: DrainPlan;
  /** What to know, and need not hold anybody off. */
  remarks?: string[];
};

export type Planned =
  | { kind: 'plan'; plan: PlannedMachine }
  | { kind: 'nothing'; reason: string }
  | { kind: 'blocked'; reasons: string[] };

/** What a campaign does about a machine: a migration that was terminated half-way goes before every other plan. */
export type Surveyed = Planned | { kind: 'interrupted'; migrationId: string };

/** What a campaign wants of each of its machines. */
export interface Wanted {
  kmsKeyArn: string;
  strategy: StrategyAsked;
  /** Moves volumes too that are encrypted under another key. */
  rekey: boolean;
  healthChecks?: HealthCheck[];
  /** Blockers that the user accepts. */
  allow?: readonly Acceptable[];
  drain?: Drain;
  hooks?: MigrationHooks;
}

/** Decides what to do with a machine: everything that forbids to touch it is named, not just the first. */
export function planMigration(
  facts: MachineFacts,
  { kmsKeyArn, strategy, rekey, healthChecks = [], allow, drain, hooks }: Wanted,
): Planned {
  const otherKey = (volume: VolumeFacts) => volume.encrypted && volume.kmsKeyArn !== kmsKeyArn;
  const moves = (volume: VolumeFacts) => !volume.encrypted || (rekey && otherKey(volume));
  const disks = facts.volumes.filter(moves);
  if (disks.length === 0)
    return { kind: 'nothing', reason: whyNothingToDo(facts.volumes.filter(otherKey), rekey) };
  const { target, instanceId, rootDevice } = facts;
  const wasRunning = facts.state === 'running';
  const plan = { target, instanceId, rootDevice, kmsKeyArn, wasRunning, disks: disks.map(diskPlan) };
  const fullOfTags = disks.find(({ tagKeys }) => !hasRoomToClone(tagKeys))?.volumeId;
  const moved = { running: wasRunning, disks: plan.disks, ...(fullOfTags && { fullOfTags }) };
  const chosen = chooseStrategy(strategy, moved);
  const blocked = blockersOf(facts, disks, chosen.name, allow);
  // Load balancers send nothing to a machine that is stopped.
  const drained = planDrain(drain, wasRunning ? facts.targets : undefined);
  const reasons = [
    ...blocked.reasons,
    ...drained.blockers,
    // With its groups' notes they are counted there.
    ...(drained.plan ? [] : machineTagBlockers(facts.tagKeys)),
    ...strategyBlockers(strategy, moved),
    ...healthCheckBlockers(wasRunning ? healthChecks : [], facts.agent),
    ...(wasRunning ? (facts.checksRefused ?? []) : []),
    ...hookBlockers(wasRunning ? hooks : undefined, facts.agent),
  ];
  const untouchedData = facts.volumes
    .filter((volume) => !moves(volume) && volume.device !== rootDevice)
    .map(({ volumeId }) => volumeId);
  // A clone is of one volume; the others begin with a set.
  if (chosen.name !== 'clone' && untouchedData.length > MOST_EXCLUDED)
    reasons.push(
      `${untouchedData.length} of its data volumes stay as they are, and EC2 leaves at most ${MOST_EXCLUDED} out of a set of snapshots: detach some of them, or use strategy clone`,
    );
  if (reasons.length > 0) return { kind: 'blocked', reasons };
  const { accepted } = blocked;
  const remarks = [...(wasRunning ? [] : [`it is stopped: ${UNSTARTED}`]), ...drained.remarks];
  const changes = accepted.some(({ blocker }) => blocker === 'assignedPublicIp');
  return {
    kind: 'plan',
    plan: {
      ...plan,
      untouchedData,
      strategy: chosen,
      cost: moveCost(plan.disks, chosen.name),
      ...(accepted.length > 0 && { accepted }),
      ...(changes && { publicIp: facts.assignedPublicIp }),
      ...(drained.plan && { drain: drained.plan }),
      ...(remarks.length > 0 && { remarks }),
    },
  };
}

/** Of a machine that was stopped before: nobody has seen it run on its new volumes. */
export const UNSTARTED =
  'no `soak` commits by itself before it has been started on its new volumes and found healthy; a commit that somebody sends does';

export function whyNothingToDo(underOthers: readonly VolumeFacts[], rekey: boolean): string {
  if (rekey) return 'every volume is encrypted under this key already';
  const others = underOthers.map(({ volumeId }) => volumeId).join(', ');
  return `every volume is encrypted already${others && `; ${others} under another key, which "rekey": true would change`}`;
}

export function diskPlan({
  volumeId,
  device,
  type,
  size,
  iops,
  throughput,
  deleteOnTermination,
  zone,
  createdAt,
  encrypted,
  kmsKeyArn,
}: VolumeFacts): DiskPlan {
  const disk = { volumeId, device, type, size, iops, throughput, deleteOnTermination, zone, createdAt };
  return { ...disk, ...(encrypted && { encryptedUnder: kmsKeyArn }) };
}

export const migrateMachineInput = operationInput({
  target: targetSchema,
  instanceId: z.string().min(1),
  kmsKeyArn: z.string().min(1),
  maxDowntimeMs: z.number().int().positive(),
  strategy: strategySchema.default('auto'),
  rekey: z.boolean().default(false),
  healthChecks: healthChecksSchema.default([]),
  allow: allowSchema,
  drain: drainSchema.optional(),
  /** A place to start in is reserved before the stop. */
  reserveCapacity: z.boolean().default(false),
  hooks: migrationHooksSchema.optional(),
  /** After so long the originals are deleted without a `commit`; without it they wait for one. */
  soakMs: z.number().int().positive().optional(),
  /** Of a maintenance window: it is not stopped later than this, in milliseconds since the epoch. */
  stopBy: z.number().int().positive().optional(),
  /** Workflow id of the campaign that is told how it ended. */
  campaignId: z.string().optional(),
});

export type MigrateMachineInput = z.input<typeof migrateMachineInput>;
export type MigrateMachineRequest = z.output<typeof migrateMachineInput>;

/** How a move ended, as its campaign is told; `encrypted` while the originals are still kept too. */
export interface MoveReport {
  outcome: 'encrypted' | 'nothing' | 'blocked' | 'rolledBack' | 'failed' | 'cancelled';
  /** What to know about it: reasons, the failure, what is left. */
  message: string;
  /** Old volume id to new one. */
  volumeIdMap: Record<string, string>;
  /** ISO 8601: since then the new volumes may hold what the originals do not. */
  writesSince?: string;
  /** The one that was carried out, and why; unknown of a migration that a later run has finished. */
  strategy?: { name: Strategy; why: string };
}

export interface MigrationReport extends MoveReport {
  instanceId: string;
  /** From the stop call until the machine ran again; 0 for a machine that was stopped. */
  downtimeMs: number;
  /** It was stopped, and has not been started on its new volumes yet: no commit comes by itself before that. */
  unstarted?: true;
  /** What happened because of blockers that `allow` let pass. */
  accepted?: Accepted[];
  /** Where it has changed; no `after` where it has none, could not be read, or changed again with a rollback. */
  publicIp?: { before: string; after?: string };
}

export interface MigrateMachineResult extends MigrationReport {
  /** Whether the originals are deleted. */
  committed: boolean;
  /** Originals that somebody had deleted before the commit could keep their last moment: no recovery point holds them. */
  lost?: string[];
  /** Recovery point of what was on the new volumes, where a rollback kept one. */
  keptRecoveryPoint?: string;
  /** New volumes that a rollback has left, detached and marked, because what is on them could not be kept. */
  leftVolumes?: LeftVolume[];
}

export interface LeftVolume {
  volumeId: string;
  why: string;
}

/** What a terminated migration left behind, read from its marks. */
export interface InterruptedMigration {
  migrationId: string;
  phase: MarkPhase;
  /** It was rolled back, from the stop on, when it ended: by these runs. */
  goingBack?: string[];
  plan: MachinePlan;
  /** Original volume id to the new volume that exists for it, as both sides or AWS's own records prove it. */
  replacements: Record<string, string>;
  /** Volumes that seem to be new ones of it and are not proven: they are left alone. */
  unclear?: string[];
  /** Originals that are not there any more; the plan has them with what their new volumes tell. */
  gone?: string[];
  /** Those of them whose last moment its commit has kept. */
  committed?: string[];
  /** Staging snapshots that it had begun to delete; none where it had not. */
  staged?: string[];
  /** New volume by original, as the originals name it, whether that is there or not. */
  named?: Record<string, string>;
  /** The machine has run since it has a new volume: what is on that may be nowhere else. */
  mayHaveWritten?: boolean;
  /** When the first of them was created, in milliseconds since the epoch: nothing was written to them before. */
  createdAt: number;
  /** Whether every new volume is attached in its original's place. */
  swapped: boolean;
  /** Whether it may be out of target groups. */
  drained: boolean;
}
