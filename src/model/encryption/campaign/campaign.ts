import { z } from 'zod';
import type { LeftOut } from '../../backup/run';
import { allowSchema } from '../../moves/blockers';
import type { MoveCost } from '../../moves/cost';
import { drainSchema } from '../../machines/drain';
import { fixedDurationSchema } from '../../duration';
import { healthChecksSchema } from '../../machines/healthChecks';
import { operationInput } from '../../input';
import type { Listed } from '../../list';
import type { PlannedVolume, VolumeReport } from '../../moves/loneVolume';
import { migrationHooksSchema } from '../../moves/hooks';
import type { MigrationReport, PlannedMachine } from '../../moves/migration';
import type { FailedItem, SkippedItem } from '../../outcome';
import type { ImportCommand, OwnedVolume } from '../../moves/ownership';
import type { Residue } from '../residue';
import { instanceIdsSchema, selectorSchema, volumeIdsSchema } from '../../selector';
import { strategySchema } from '../../moves/strategy';
import { targetInputSchema, type Target } from '../../target';
import { wavesSchema } from './waves';
import { windowSchema, type Opening, type TimeNeeded } from './window';

const MOST_AT_ONCE = 50;

/**
 * One request to move machines to encrypted volumes. A volume id stands for its whole machine, and for itself where it
 * is attached to nothing.
 */
export const encryptVolumesInput = operationInput({
  instanceIds: instanceIdsSchema
    .optional()
    .describe('Machines. Exactly one of `instanceIds`, `volumeIds` and `selector`.'),
  volumeIds: volumeIdsSchema
    .optional()
    .describe('Volumes; one stands for its whole machine, and for itself where it is attached to nothing.'),
  selector: selectorSchema.optional().describe('Machines and volumes by tags or ids.'),
  kmsKeyId: z.string().min(1).describe("Customer managed key of the target's region: id, ARN or alias."),
  target: targetInputSchema.optional().describe("Account and region; the worker's own when left out."),
  strategy: strategySchema
    .default('auto')
    .describe(
      'How the encrypted disks are made; `auto` takes the shortest downtime, for each machine by itself.',
    ),
  rekey: z
    .boolean()
    .default(false)
    .describe('Moves volumes too that are encrypted under another key than `kmsKeyId`.'),
  concurrency: z
    .number()
    .int()
    .min(1)
    .max(MOST_AT_ONCE)
    .default(1)
    .describe('Machines that are migrated at the same time.'),
  maxFailures: z
    .number()
    .int()
    .min(1)
    .max(1000)
    .default(1)
    .describe('After so many machines have failed or rolled back, no more are started.'),
  requireApproval: z
    .boolean()
    .default(false)
    .describe('Plans, then waits for `approve` before anything is changed.'),
  maxDowntime: fixedDurationSchema
    .default('30m')
    .describe('From the stop call until the machine runs again.'),
  reserveCapacity: z
    .boolean()
    .default(false)
    .describe('Machines are stopped only when EC2 has reserved a place for them to start in.'),
  healthChecks: healthChecksSchema
    .default([])
    .describe("What has to succeed on a started machine, beside EC2's status checks, or it is put back."),
  allow: allowSchema.describe('Blockers that the user accepts; the plan says what they cost.'),
  soak: fixedDurationSchema
    .optional()
    .describe(
      'After so long on the new volumes a machine is committed by itself; without it it waits for `commit`.',
    ),
  dryRun: z.boolean().default(false).describe('Plans, and changes nothing.'),
  waves: wavesSchema
    .optional()
    .describe('The order in which machines go: a wave begins when all of the one before have ended well.'),
  window: windowSchema.optional().describe('Machines are started so that they are down within it only.'),
  hooks: migrationHooksSchema
    .optional()
    .describe('Commands in the guest right before the stop and after the start.'),
  drain: drainSchema
    .optional()
    .describe(
      'Machines leave their target groups before the stop, and are registered again after the health gate.',
    ),
}).superRefine((input, context) => {
  const given = [input.instanceIds, input.volumeIds, input.selector].filter((field) => field !== undefined);
  if (given.length !== 1) {
    context.addIssue({
      code: 'custom',
      path: ['instanceIds'],
      message: 'give exactly one of instanceIds, volumeIds and selector',
    });
  }
});

export type EncryptVolumesInput = z.input<typeof encryptVolumesInput>;
export type Campaign = z.output<typeof encryptVolumesInput>;

interface EncryptedMachine extends Pick<
  MigrationReport,
  'instanceId' | 'downtimeMs' | 'strategy' | 'accepted' | 'publicIp'
> {
  volumes: number;
  workflowId: string;
}

/** A volume that was attached to nothing. */
interface EncryptedVolume extends Pick<VolumeReport, 'volumeId' | 'strategy' | 'references'> {
  newVolumeId: string;
  workflowId: string;
}

export interface EncryptVolumesResult {
  /** One sentence for a manager. */
  summary: string;
  encrypted: Listed<EncryptedMachine | EncryptedVolume>;
  skipped: Listed<SkippedItem>;
  /** Volumes that the selector means too, and Holdfast keeps for itself; not there where there are none. */
  leftOut?: Listed<LeftOut>;
  failed: Listed<FailedItem>;
  rolledBack: Listed<FailedItem>;
  /** Old volume id to new one, of what is listed under `encrypted`. */
  volumeIdMap: Record<string, string>;
  /** What is not encrypted in the target when the campaign ends, whether it was asked about or not. */
  residue?: Residue;
  /** For volumes that CloudFormation, Terraform or the like knows by their old ids. */
  importCommands?: Listed<ImportCommand>;
  /** For a dry run: what would be done. */
  plan?: Listed<PlannedMachine>;
  /** The same for volumes that are attached to nothing. */
  volumePlan?: Listed<PlannedVolume>;
  /** For a dry run: of all that would be moved. */
  cost?: MoveCost;
  /** For a dry run: machines in each wave. */
  waves?: number[];
  /** For a dry run: what warnings could not be looked for, and why. */
  notChecked?: string[];
  /** For a dry run: when the window opens next, or that it is open. */
  nextWindow?: string;
}

/** A machine, or a volume that is attached to nothing, whose turn has not come. */
export type QueuedMove = ({ instanceId: string } | { volumeId: string }) &
  Partial<TimeNeeded> & {
    /** It was left half-way and may be down, so no window keeps it waiting. */
    urgent?: true;
  };

/** What holds the next wave up, besides a window. */
export interface WaveGate {
  /** Until then it pauses: milliseconds since the epoch. */
  pausedUntil?: number;
  /** Why a person is asked. */
  approval?: string;
}

/** A campaign as it stands, small enough to be carried from run to run. */
export interface CampaignState {
  target: Target;
  kmsKeyArn: string;
  /** Machines, and volumes without one, that it was asked about. */
  total: number;
  blocked: Listed<SkippedItem>;
  nothingToDo: Listed<SkippedItem>;
  /** Volumes that Holdfast keeps for itself. */
  leftOut?: Listed<LeftOut>;
  /** Not started yet; the first is the wave under way. */
  waves: QueuedMove[][];
  waveCount: number;
  /** Machines that had failed when the wave began. */
  failedBefore: number;
  gate?: WaveGate;
  opening?: Opening;
  /** Volumes that such a tool knows, no more than a result lists. */
  owned?: OwnedVolume[];
}
