import type { DiskPlan } from './facts';

/**
 * `prepare` while something is staged and the machine runs on as ever; `rest` before the stop, while it leaves its target groups and its
 * guest is brought to rest; `swap` from the stop on; `start` once the machine may write to its new volumes, `soak` once it has
 * passed its status checks.
 */
const MARK_PHASES = ['prepare', 'rest', 'swap', 'start', 'soak'] as const;
export type MarkPhase = (typeof MARK_PHASES)[number];

/** Whether the migration had not begun to stop the machine: whoever stopped or started it was somebody else. */
export function isBeforeStop(phase: MarkPhase): boolean {
  return phase === 'prepare' || phase === 'rest';
}

/** Recovery point of what was written to a migration's new volumes, which its rollback keeps. */
export function keptBy(migrationId: string): string {
  return `${migrationId}-kept`;
}

export interface MachineMark {
  migrationId: string;
  wasRunning: boolean;
  phase: MarkPhase;
  /**
   * While it soaks: it is being rolled back, and whoever finds it so finishes that. These runs have been at it, the last one last:
   * what they kept is known by their ids.
   */
  goingBack?: string[];
}

/** So many ids of runs are within the 256 characters of a tag's value. */
const RUNS = 4;

/**
 * Tag on the machine: `<migration id> <running|stopped> <phase> <instance id> [back <run id> …]`. It names its own bearer, because
 * images and launch templates copy tags; 0.1.0 wrote the first three words.
 */
export function formatMachineMark(
  instanceId: string,
  { migrationId, wasRunning, phase, goingBack }: MachineMark,
): string {
  const words = [migrationId, wasRunning ? 'running' : 'stopped', phase, instanceId];
  return [...words, ...formatWayBack(goingBack)].join(' ');
}

/** Words at the end of a mark. */
export function formatWayBack(runs: readonly string[] | undefined): string[] {
  return runs ? [BACK, ...runs.slice(-RUNS)] : [];
}

export function parseWayBack([way, ...runs]: readonly string[]): string[] | undefined {
  return way === BACK ? runs : undefined;
}

/** Undefined too of a mark that was written on another machine than this one. */
export function parseMachineMark(text = '', instanceId?: string): MachineMark | undefined {
  const [migrationId, state, word, bearer, ...wayBack] = text.split(' ');
  const phase = MARK_PHASES.find((each) => each === word);
  if (!migrationId || (state !== 'running' && state !== 'stopped') || !phase) return undefined;
  if (isAnothers(bearer, instanceId)) return undefined;
  const goingBack = parseWayBack(wayBack);
  return { migrationId, wasRunning: state === 'running', phase, ...(goingBack && { goingBack }) };
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

/** So many ids of snapshots, one of a migration and a number are within the 256 characters of a tag's value. */
export const STAGED_A_BEARER = 9;

/**
 * Tag on what stays in place while staging snapshots are deleted: `<migration id> <number of all> <snapshot id> …`. With some of them
 * gone the others, and copies that somebody has made, could not be told from each other by what AWS records.
 *
 * @returns a value for each of so many bearers
 */
export function formatStaged(migrationId: string, snapshotIds: readonly string[]): string[] {
  const parts = Math.ceil(snapshotIds.length / STAGED_A_BEARER);
  return Array.from({ length: parts }, (_, at) => {
    const ids = snapshotIds.slice(at * STAGED_A_BEARER, (at + 1) * STAGED_A_BEARER);
    return [migrationId, String(snapshotIds.length), ...ids].join(' ');
  });
}

/** @returns undefined where the bearers do not name all, so that nothing has been deleted yet */
export function parseStaged(values: readonly string[], migrationId: string): string[] | undefined {
  const named = new Set<string>();
  let all = 0;
  for (const value of values) {
    const [id, number, ...snapshotIds] = value.split(' ');
    if (id !== migrationId) continue;
    all = Math.max(all, Number(number));
    for (const snapshotId of snapshotIds) named.add(snapshotId);
  }
  return all > 0 && named.size >= all ? [...named] : undefined;
}

const NONE = '-';

function isAnothers(named: string | undefined, bearer: string | undefined): boolean {
  return named !== undefined && bearer !== undefined && named !== bearer;
}
