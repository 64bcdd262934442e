import type { Client } from '@temporalio/client';
import { isMutation, type Fault } from '../support/awsProxy';
import { followed } from './follow';
import type { End, Judgement } from './judge';
import type { Lane, Subject } from './lane';
import { LOST, REFUSED, type Path, type Point } from './paths';
import { nameOf } from './recorder';

const PATIENCE_MS = 45_000;
const READS_PATIENCE_MS = 90_000;

/** A permission that is missing; a service that fails once, before or after the call takes effect. */
export const CALL_FAULTS = {
  refused: REFUSED,
  failing: { before: { code: 'InternalError', status: 500 } },
  lost: LOST,
} as const satisfies Record<string, Fault>;

export type CallFault = keyof typeof CALL_FAULTS;
export type FaultName = CallFault | 'killed' | 'restarted';

export interface Trial<Name extends FaultName = FaultName> {
  path: Path;
  point: Point;
  fault: Name;
}

export interface Played extends Trial, Judgement {
  /** Whether the call came at all: how often a wait looks depends on the moment. */
  met: boolean;
}

/** One migration with one fault at one of its calls. */
export async function play(client: Client, lane: Lane, trial: Trial<CallFault>): Promise<Played> {
  const { path, point, fault } = trial;
  const subject = await lane.subject();
  lane.arm(path, point, CALL_FAULTS[fault]);
  const stuck = await followed(client, await lane.start(client, subject, path, {}), PATIENCE_MS);
  return ended(lane, subject, trial, stuck);
}

/**
 * One migration that loses the answers to a quarter of its reads: a read changes nothing, so they need no run each. All
 * turns together lose each of them.
 */
export async function playReads(client: Client, lane: Lane, path: Path, turn: number): Promise<Played> {
  const subject = await lane.subject();
  lane.armReads(path, turn);
  const stuck = await followed(client, await lane.start(client, subject, path, {}), READS_PATIENCE_MS);
  const point = { action: 'Describe*', nth: turn };
  return { ...(await ended(lane, subject, { path, point, fault: 'lost' }, stuck)), met: true };
}

export async function ended(
  lane: Lane,
  subject: Subject,
  trial: Trial,
  stuck: string | undefined,
): Promise<Played> {
  const { action, nth } = trial.point;
  const met = lane.calls().filter((call) => call.action === action).length >= nth;
  if (stuck) return { ...trial, met, end: 'other', why: stuck };
  return { ...trial, met, ...(await lane.judged(subject)) };
}

/** What must not have happened: an end that is neither, or the wrong one, or a fault that no change has met. */
export function wrongs(played: readonly Played[]): string[] {
  return played
    .filter((one) => !allowed(one).includes(one.end) || (!one.met && isMutation(one.point)))
    .map(described);
}

/** Only a refusal may undo: what is lost or away for a moment is retried, and a path that undoes goes on undoing. */
function allowed({ path, fault }: Played): End[] {
  if (path.refused) return ['as before'];
  return fault === 'refused' ? ['as before', 'migrated'] : ['migrated'];
}

function described({ path, point, fault, met, end, why }: Played): string {
  return `${path.name}: ${nameOf(point)} ${fault}${met ? '' : ' (never came)'}: ${end}${why ? `: ${why}` : ''}`;
}
