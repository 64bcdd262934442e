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

/** Tag on the machine: `<migration id> <running|stopped> <phase>`. */
export function formatMachineMark(migrationId: string, wasRunning: boolean, phase: MarkPhase): string {
  return `${migrationId} ${wasRunning ? 'running' : 'stopped'} ${phase}`;
}

export function parseMachineMark(
  text: string,
): { migrationId: string; wasRunning: boolean; phase: MarkPhase } | undefined {
  const [migrationId, state, word] = text.split(' ');
  const phase = MARK_PHASES.find((each) => each === word);
  if (!migrationId || (state !== 'running' && state !== 'stopped') || !phase) return undefined;
  return { migrationId, wasRunning: state === 'running', phase };
}

/** Tag on an original volume: `<migration id> <instance id> <device> <d|->`. */
export function formatOriginalMark(migrationId: string, instanceId: string, disk: DiskPlan): string {
  return [migrationId, instanceId, disk.device, disk.deleteOnTermination ? 'd' : '-'].join(' ');
}

export function parseOriginalMark(
  text: string,
): { migrationId: string; instanceId: string; device: string; deleteOnTermination: boolean } | undefined {
  const [migrationId, instanceId, device, flag] = text.split(' ');
  if (!migrationId || !instanceId || !device || (flag !== 'd' && flag !== '-')) return undefined;
  return { migrationId, instanceId, device, deleteOnTermination: flag === 'd' };
}
