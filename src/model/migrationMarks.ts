import type { DiskPlan } from './migration';

/**
 * `rest` before the stop, while it leaves its target groups and its guest is brought to rest; `swap` from the stop on; `start` once the
 * machine may write to its new volumes, `soak` once it has passed its status checks.
 */
const MARK_PHASES = ['rest', 'swap', 'start', 'soak'] as const;
export type MarkPhase = (typeof MARK_PHASES)[number];

/** Recovery point of what was written to a migration's new volumes, which its rollback keeps. */
export function keptBy(migrationId: string): string {
  return `${migrationId}-kept`;
}

export interface MachineMark {
  migrationId: string;
  wasRunning: boolean;
  phase: MarkPhase;
  /** While it soaks: it is being rolled back, and whoever finds it so finishes that. */
  goingBack?: boolean;
}

/**
 * Tag on the machine: `<migration id> <running|stopped> <phase> <instance id> [back]`. It names its own bearer, because images and
 * launch templates copy tags; 0.1.0 wrote the first three words.
 */
export function formatMachineMark(
  instanceId: string,
  { migrationId, wasRunning, phase, goingBack }: MachineMark,
): string {
  const words = [migrationId, wasRunning ? 'running' : 'stopped', phase, instanceId];
  return [...words, ...(goingBack ? [BACK] : [])].join(' ');
}

/** Undefined too of a mark that was written on another machine than this one. */
export function parseMachineMark(text = '', instanceId?: string): MachineMark | undefined {
  const [migrationId, state, word, bearer, way] = text.split(' ');
  const phase = MARK_PHASES.find((each) => each === word);
  if (!migrationId || (state !== 'running' && state !== 'stopped') || !phase) return undefined;
  if (isAnothers(bearer, instanceId)) return undefined;
  return { migrationId, wasRunning: state === 'running', phase, ...(way === BACK && { goingBack: true }) };
}

const BACK = 'back';

export interface OriginalMark {
  migrationId: string;
  instanceId: string;
  device: string;
  deleteOnTermination: boolean;
  /** The new volume that takes its place, from before that is attached: the word of the other side. */
  replacedBy?: string;
}

/**
 * Tag on an original volume: `<migration id> <instance id> <device> <d|-> <new volume id|-> <own id>`. A volume that is restored
 * with its tags carries another's id; 0.1.0 wrote the first four words.
 */
export function formatOriginalMark(
  migrationId: string,
  instanceId: string,
  { volumeId, device, deleteOnTermination }: Pick<DiskPlan, 'volumeId' | 'device' | 'deleteOnTermination'>,
  replacedBy = NONE,
): string {
  return [migrationId, instanceId, device, deleteOnTermination ? 'd' : NONE, replacedBy, volumeId].join(' ');
}

/** Undefined too of a mark that was written on another volume than this one. */
export function parseOriginalMark(text = '', volumeId?: string): OriginalMark | undefined {
  const [migrationId, instanceId, device, flag, replacedBy = NONE, bearer] = text.split(' ');
  if (!migrationId || !instanceId || !device || (flag !== 'd' && flag !== NONE)) return undefined;
  if (isAnothers(bearer, volumeId)) return undefined;
  const mark = { migrationId, instanceId, device, deleteOnTermination: flag === 'd' };
  return { ...mark, ...(replacedBy !== NONE && { replacedBy }) };
}

/** So many ids of snapshots and one of a migration are within the 256 characters of a tag's value. */
const STAGED_A_VOLUME = 9;

/**
 * Tags on the volumes that stay in place while staging snapshots are deleted: `<migration id> <snapshot id> …`. With some of them gone
 * the others, and copies that somebody has made, could not be told from each other by what AWS records.
 *
 * @returns a value a volume; what is more than they can hold is not named
 */
export function formatStaged(
  migrationId: string,
  volumeIds: readonly string[],
  snapshotIds: readonly string[],
): Record<string, string> {
  return Object.fromEntries(
    volumeIds.flatMap((volumeId, index) => {
      const ids = snapshotIds.slice(index * STAGED_A_VOLUME, (index + 1) * STAGED_A_VOLUME);
      return ids.length === 0 ? [] : [[volumeId, [migrationId, ...ids].join(' ')]];
    }),
  );
}

/** The snapshots that a volume names; none where it names another migration's. */
export function parseStaged(text = '', migrationId: string): string[] {
  const [named, ...snapshotIds] = text.split(' ');
  return named === migrationId ? snapshotIds.filter((id) => id !== '') : [];
}

const NONE = '-';

function isAnothers(named: string | undefined, bearer: string | undefined): boolean {
  return named !== undefined && bearer !== undefined && named !== bearer;
}
