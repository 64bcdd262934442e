import type { Client, WorkflowHandle } from '@temporalio/client';
import { isMutation, type Fault } from '../support/awsProxy';
import { explained } from '../support/failure';
import { followed } from './follow';
import type { End, Judgement } from './judge';
import { fallen, type Lane, type Subject } from './lane';
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
/** What befalls the run itself, while the answer to a call is outstanding. */
export const RUN_FAULTS = ['cancelled', 'terminated'] as const;
export type RunFault = (typeof RUN_FAULTS)[number];
export type FaultName = CallFault | RunFault | 'killed' | 'restarted';

export interface Trial<Name extends FaultName = FaultName> {
  path: Path;
  point: Point;
  fault: Name;
}

export interface Played extends Trial, Judgement {
  /** Whether the call came at all: how often a wait looks depends on the moment. */
  met: boolean;
  /** How the last run was closed. */
  closed?: string;
}

/** One migration with one fault at one of its calls. */
export async function play(client: Client, lane: Lane, trial: Trial<CallFault>): Promise<Played> {
  const { path, point, fault } = trial;
  const subject = await lane.prepared(client, await lane.subject(), path, {});
  lane.arm(path, point, CALL_FAULTS[fault]);
  const stuck = await followed(client, await lane.begin(client, subject, path, {}), path, PATIENCE_MS);
  const played = await ended(lane, subject, trial, stuck);
  if (played.end !== 'other' || stuck || !mayNotLook(trial)) return played;
  const next = await followed(client, await lane.start(client, subject, path, {}), path, PATIENCE_MS);
  return { ...(await ended(lane, subject, trial, next)), met: played.met };
}

/** Who may not look takes nothing over, and leaves it as it was found: it is the next run's. */
function mayNotLook({ path: { before }, point, fault }: Trial): boolean {
  return before !== undefined && 'terminated' in before && fault === 'refused' && !isMutation(point);
}

/** One migration that is cancelled or terminated at one of its calls. After a terminate the next run has to end it. */
export async function playStopped(client: Client, lane: Lane, trial: Trial<RunFault>): Promise<Played> {
  const { path, point, fault } = trial;
  const subject = await lane.prepared(client, await lane.subject(), path, {});
  const handle = lane.handle(client, subject);
  let isTerminated = false;
  const terminate = () => {
    isTerminated = true;
    return handle.terminate('swept');
  };
  lane.arm(
    path,
    point,
    fault === 'terminated' ? fallen(terminate) : { held: () => handle.cancel().then(() => undefined) },
  );
  let stuck = await followed(client, await lane.begin(client, subject, path, {}), path, PATIENCE_MS);
  if (isTerminated && !stuck)
    stuck = await followed(client, await lane.start(client, subject, path, {}), path, PATIENCE_MS);
  const { status } = await handle.describe();
  const why = status.name === 'FAILED' ? `: ${await failureOf(handle)}` : '';
  return { ...(await ended(lane, subject, trial, stuck)), closed: `${status.name}${why}` };
}

/**
 * One migration that loses the answers to a quarter of its reads: a read changes nothing, so they need no run each. All
 * turns together lose each of them.
 */
export async function playReads(client: Client, lane: Lane, path: Path, turn: number): Promise<Played> {
  const subject = await lane.subject();
  lane.armReads(path, turn);
  const stuck = await followed(client, await lane.start(client, subject, path, {}), path, READS_PATIENCE_MS);
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

async function failureOf(handle: WorkflowHandle): Promise<string> {
  return handle.result().then(String, (error: unknown) => String((explained(error) as Error).message));
}

/** What must not have happened: an end that is neither, or the wrong one, or a fault that no change has met. */
export function wrongs(played: readonly Played[]): string[] {
  return played
    .filter((one) => !allowed(one).includes(one.end) || (!one.met && isMutation(one.point)) || isUnheard(one))
    .map(described);
}

/**
 * What is lost or away for a moment is retried, and a path that undoes goes on undoing: only a refusal or a cancel may
 * undo. A verdict is carried through, whoever cancels; after a terminate the next run migrates, whatever it finds.
 */
function allowed({ path, fault }: Played): End[] {
  const { before, refused } = path;
  if (fault === 'terminated') {
    const mayHearAgain = before && 'verdict' in before && before.verdict === 'rollback';
    return [
      ...(refused ? ['as before' as const] : []),
      ...(mayHearAgain ? ['rolled back' as const] : []),
      'migrated',
    ];
  }
  if (refused) return ['as before'];
  if (before && 'verdict' in before) return [before.verdict === 'commit' ? 'migrated' : 'rolled back'];
  if (fault === 'cancelled') return ['as before', 'rolled back', 'migrated'];
  return fault === 'refused' ? ['as before', 'migrated'] : ['migrated'];
}

/** A cancel that left nothing behind has to be said. */
function isUnheard({ path, fault, met, end, closed }: Played): boolean {
  const isVerdict = path.before !== undefined && 'verdict' in path.before;
  if (fault !== 'cancelled' || !met || isVerdict || path.refused || end === 'migrated') return false;
  return closed !== 'CANCELLED';
}

function described({ path, point, fault, met, end, closed, why }: Played): string {
  const how = closed ? ` and ${closed}` : '';
  return `${path.name}: ${nameOf(point)} ${fault}${met ? '' : ' (never came)'}: ${end}${how}${why ? `: ${why}` : ''}`;
}
