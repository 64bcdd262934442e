import type { Client } from '@temporalio/client';
import type { AwsCall } from '../support/awsWire';
import { isMutation } from '../support/awsProxy';
import { followed } from './follow';
import type { End } from './judge';
import type { Lane } from './lane';
import type { Path, Point } from './paths';

/** Without the workflow cache every step replays all before it. */
const PATIENCE_MS = 300_000;

export interface Recording {
  path: Path;
  end: End;
  /** All of them, in order. */
  calls: Point[];
}

/** Plays a path with no fault but its own. */
export async function record(client: Client, lane: Lane, path: Path): Promise<Recording> {
  const subject = await lane.prepared(client, await lane.subject(), path, {});
  lane.arm(path);
  const stuck = await followed(client, await lane.begin(client, subject, path, {}), path, PATIENCE_MS);
  if (stuck) throw new Error(`${path.name}: ${stuck}`);
  const calls = lane.calls();
  const { end, why } = await lane.judged(subject);
  if (end === 'other') throw new Error(`${path.name} ended otherwise: ${why}`);
  return { path, end, calls: numbered(calls) };
}

/**
 * The calls to break. How often a wait looks depends on the moment, so a look counts where every recording has it.
 * Where a path's own fault begins an undo, the calls of that undo are the path's.
 */
export function pointsOf(recording: Recording, others: readonly Recording[]): Point[] {
  const { path, calls } = recording;
  const { refused } = path;
  const began = refused ? calls.findIndex((call) => isSame(call, refused)) : -1;
  return calls
    .slice(began + 1)
    .filter((point) => others.every((other) => other.calls.some((call) => isSame(call, point))));
}

export function mutationsIn({ calls }: Recording): string[] {
  return calls.filter(isMutation).map(nameOf).sort();
}

export function nameOf({ action, nth }: Point): string {
  return `${action} ${nth}`;
}

function isSame(a: Point, b: Point): boolean {
  return a.action === b.action && a.nth === b.nth;
}

function numbered(calls: readonly AwsCall[]): Point[] {
  const counts = new Map<string, number>();
  return calls.map(({ action }) => {
    const nth = (counts.get(action) ?? 0) + 1;
    counts.set(action, nth);
    return { action, nth };
  });
}
