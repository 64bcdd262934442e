import { once } from 'node:events';
import type { EncryptSnapshotsResult } from '../../src/model/encryption/snapshots/snapshotEncryption';
import { awaitResult } from '../support/awaitResult';
import { SnapshotWorld } from '../support/snapshotEncryption';
import { WorkerProcesses } from '../support/workerProcess';

/** Real workers heartbeat every five seconds while they wait. */
const LIMITS = { heartbeat: 8_000 };

describe('a worker process that is killed while snapshots are encrypted', () => {
  let snapshots: SnapshotWorld;
  let workers: WorkerProcesses;

  beforeAll(async () => {
    snapshots = await SnapshotWorld.open({ worker: false });
    workers = await WorkerProcesses.prepare(snapshots.world);
  });
  afterAll(async () => {
    await workers.close();
    await snapshots.close();
  });

  /** The worker that runs now dies when a call has taken effect and nobody knows it; another one takes over. */
  async function killedAt<Result>(action: string, meanwhile: () => Promise<Result>): Promise<Result> {
    const worker = await workers.start();
    const gone = once(worker, 'exit');
    snapshots.world.proxy.fault(action, { held: () => workers.kill(worker) }, 1);
    const result = await meanwhile();
    await gone;
    await workers.start();
    return result;
  }

  it('at CopySnapshot, and again at DeleteSnapshot, leaves one encrypted snapshot for each', async () => {
    const originals = await snapshots.someSnapshots('killed', 2);
    const run = await killedAt('CopySnapshot', () =>
      snapshots.start(snapshots.named('killed'), { limits: LIMITS }),
    );
    await snapshots.waiting(run);
    await workers.killAll();
    await killedAt('DeleteSnapshot', () => snapshots.tell(run, 'commit'));
    const result = await awaitResult<EncryptSnapshotsResult>(run);
    expect(Object.keys(result.snapshotIdMap).sort()).toEqual([...originals].sort());
    expect(result).toMatchObject({ encrypted: { total: 2 }, skipped: { total: 0 }, failed: { total: 0 } });
    expect(await snapshots.ids('killed')).toEqual(Object.values(result.snapshotIdMap).sort());
    expect(snapshots.world.proxy.callsOf('CopySnapshot')).toHaveLength(2);
  }, 150_000);
});
