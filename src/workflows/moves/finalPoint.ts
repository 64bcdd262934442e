import { patched } from '@temporalio/workflow';
import type { LastMoment } from '../../activities/moves/finalPoints';
import { awaitAll } from '../../model/awaitAll';
import { FAILURE } from '../../model/failures';
import { fail } from '../support/failure';
import { mutate, read, undo, wait } from '../support/options';
import type { Move } from './migration';

/** Of one snapshot: what broke so often needs a person. */
const TRIES = 3;

/** Two looks, the read lag between them, and the call. */
const LOOKS_FIRST = { startToCloseTimeout: '2 minutes' } as const;
/** What is not shown is gone after four read lags. */
export const UNTIL_GONE = { startToCloseTimeout: '3 minutes' } as const;

/** The encrypted snapshot of the last moment on each original. */
export type FinalPoint = Record<string, string>;

/**
 * Encrypted snapshots of the last moment on the originals, by the time these are deleted. A copy migrates
 * from such snapshots. The other strategies make them only here, where a rollback can no longer make them useless and
 * no machine waits for them.
 */
export async function makeFinalPoint(move: Move): Promise<FinalPoint> {
  const { plan, id, made } = move;
  const there = await read('Find the snapshots of the last moment', UNTIL_GONE).lastMomentsOf({
    plan,
    migrationId: id,
    ...(patched('final-point-by-recorded-id') && { volumes: made.volumes }),
  });
  if (!patched('broken-snapshots-are-made-again')) return makeFinalPointOnce(move, there);
  const lost = await findLostOriginals(move, there);
  const points = await awaitAll(
    plan.disks.map(async ({ volumeId }): Promise<[string, string] | []> => {
      if (lost.includes(volumeId)) return [];
      const found = there[volumeId];
      if (found?.underKey) return [volumeId, found.snapshotId];
      const source = found?.snapshotId ?? (await snapshotOriginal(move, volumeId));
      return [volumeId, await copyEncrypted(move, volumeId, source)];
    }),
  );
  return Object.fromEntries(points.filter((pair) => pair.length === 2));
}

/** What somebody has deleted in the soak: of it nothing can be kept any more, and the others do not wait for it. */
async function findLostOriginals({ plan, run }: Move, there: Record<string, LastMoment>): Promise<string[]> {
  const without = plan.disks.map(({ volumeId }) => volumeId).filter((volumeId) => !there[volumeId]);
  if (without.length === 0) return [];
  const left = await read('Look which originals are there', UNTIL_GONE).originalsThere({ plan });
  const lost = without.filter((volumeId) => !left.includes(volumeId));
  for (const volumeId of lost) {
    run.row(volumeId, 'lost', 'somebody has deleted it');
    run.remark(
      `${volumeId} was deleted by somebody while it was kept, and no snapshot of its last moment exists: no recovery point holds it.`,
    );
  }
  return lost;
}

function snapshotOriginal(move: Move, volumeId: string): Promise<string> {
  const { plan, id, run } = move;
  run.row(volumeId, 'snapshot of its last moment');
  return makeWhole(move, `snapshot of ${volumeId}`, (number) =>
    mutate(`Snapshot ${volumeId}`, LOOKS_FIRST).snapshotOriginal({
      ...{ plan, migrationId: id, volumeId, number },
    }),
  );
}

function copyEncrypted(move: Move, volumeId: string, snapshotId: string): Promise<string> {
  const { plan, id } = move;
  const stage = 'kept';
  return makeWhole(move, `encrypted copy of ${snapshotId}`, (number) =>
    mutate(`Copy ${snapshotId} encrypted`, LOOKS_FIRST).startEncryptedCopy({
      ...{ plan, migrationId: id, stage, volumeId, snapshotId },
      ...{ number, takesOver: true },
    }),
  );
}

/** One that ended in error is deleted and made again, under another number: it would be found again for ever. */
async function makeWhole(
  { plan: { target }, id, made, run }: Move,
  what: string,
  make: (number: number) => Promise<string>,
): Promise<string> {
  const first = made.nextTry(what);
  for (let number = first; ; number++) {
    const snapshotId = await made.recordStaged(
      () => make(number),
      (id) => [id],
    );
    const { broken } = await wait(`Wait for ${snapshotId}, the ${what}`).settledSnapshots({
      target,
      snapshotIds: [snapshotId],
    });
    const [failure] = broken;
    if (!failure) return snapshotId;
    made.recordTry(what, number);
    run.remark(`${snapshotId}, the ${what}, failed: ${failure.why}.`);
    await undo(`Delete ${snapshotId}, which failed`).deleteOwnSnapshots({
      target,
      migrationId: id,
      snapshotIds: [snapshotId],
    });
    if (number - first + 1 >= TRIES)
      throw fail(FAILURE.resourceFailed, `the ${what} failed ${TRIES} times: ${failure.why}`);
  }
}

/** As 0.1.0 did it. */
async function makeFinalPointOnce(move: Move, there: Record<string, LastMoment>): Promise<FinalPoint> {
  const { plan, id, run } = move;
  const { target, disks } = plan;
  const taken = await Promise.all(
    disks.map(async ({ volumeId }) => {
      const found = there[volumeId];
      if (found) return { volumeId, ...found };
      run.row(volumeId, 'snapshot of its last moment');
      const snapshotId = await mutate(`Snapshot ${volumeId}`).snapshotOriginal({
        plan,
        migrationId: id,
        volumeId,
      });
      return { volumeId, snapshotId, underKey: false };
    }),
  );
  const point: FinalPoint = {};
  for (const { volumeId, snapshotId, underKey } of taken) if (underKey) point[volumeId] = snapshotId;
  const toCopy = taken.filter(({ underKey }) => !underKey);
  if (toCopy.length === 0) return point;
  await wait(`Wait for ${toCopy.length} snapshots of the originals`).awaitSnapshots({
    target,
    snapshotIds: toCopy.map(({ snapshotId }) => snapshotId),
    unhurried: true,
  });
  const copies = await Promise.all(
    toCopy.map(async ({ volumeId, snapshotId }) => {
      point[volumeId] = await mutate(`Copy ${snapshotId} encrypted`).startEncryptedCopy({
        ...{ plan, migrationId: id, stage: 'kept', volumeId, snapshotId },
      });
      return point[volumeId];
    }),
  );
  await wait(`Wait for ${copies.length} encrypted copies`).awaitSnapshots({
    target,
    snapshotIds: copies,
    unhurried: true,
  });
  return point;
}
