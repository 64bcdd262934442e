import { mutate, read, wait } from '../support/options';
import type { Move } from './migration';

/**
 * Encrypted snapshots of the last moment on the originals, by the time these are deleted. A copy migrates
 * from such snapshots. The other strategies make them only here, where a rollback can no longer make them useless and
 * no machine waits for them.
 */
export async function finalPoint(move: Move): Promise<string[]> {
  const { plan, id } = move;
  const { target, disks } = plan;
  const there = await read('Find the snapshots of the last moment').lastMomentsOf({ plan, migrationId: id });
  const taken = await Promise.all(
    disks.map(async ({ volumeId }) => ({
      volumeId,
      ...(there[volumeId] ?? { snapshotId: await snapshotOf(move, volumeId), underKey: false }),
    })),
  );
  const toCopy = taken.filter(({ underKey }) => !underKey);
  const done = taken.filter(({ underKey }) => underKey).map(({ snapshotId }) => snapshotId);
  if (toCopy.length === 0) return done;
  await wait(`Wait for ${toCopy.length} snapshots of the originals`).awaitSnapshots({
    target,
    snapshotIds: toCopy.map(({ snapshotId }) => snapshotId),
    unhurried: true,
  });
  const copies = await Promise.all(
    toCopy.map(({ volumeId, snapshotId }) =>
      mutate(`Copy ${snapshotId} encrypted`).startEncryptedCopy({
        plan,
        migrationId: id,
        stage: 'kept',
        volumeId,
        snapshotId,
      }),
    ),
  );
  await wait(`Wait for ${copies.length} encrypted copies`).awaitSnapshots({
    target,
    snapshotIds: copies,
    unhurried: true,
  });
  return [...done, ...copies];
}

async function snapshotOf({ plan, id, run }: Move, volumeId: string): Promise<string> {
  run.row(volumeId, 'snapshot of its last moment');
  return mutate(`Snapshot ${volumeId}`).snapshotOriginal({ plan, migrationId: id, volumeId });
}
