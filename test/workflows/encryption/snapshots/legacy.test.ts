import { MockActivityEnvironment } from '@temporalio/testing';
import { randomUUID } from 'node:crypto';
import type { WorkflowHandle } from '@temporalio/client';
import { createActivities } from '../../../../src/activities';
import { encryptionIdOf } from '../../../../src/activities/encryption/snapshots/copyRecords';
import { copyMarks } from '../../../../src/model/encryption/snapshots/encryptedCopy';
import { TASK_QUEUE } from '../../../../src/model/names';
import type {
  EncryptSnapshotsResult,
  SnapshotScope,
} from '../../../../src/model/encryption/snapshots/snapshotEncryption';
import { HOME_REGION } from '../../../support/accounts';
import { awaitResult } from '../../../support/awaitResult';
import { tagsOf } from '../../../support/seed';
import { TEST_CONTINUES } from '../../../support/shortenTimeouts';
import { SnapshotWorld } from '../../../support/snapshotEncryption';

let snapshots: SnapshotWorld;

interface OldRun {
  handle: WorkflowHandle;
  scope: SnapshotScope;
  originals: string[];
  copyIds: string[];
}

/** Copies as 0.1.0 made them: nothing but their marks says whose they are. */
async function oldCopies(workflowId: string, count: number): Promise<Omit<OldRun, 'handle'>> {
  const originals = await snapshots.someSnapshots(workflowId, count);
  const { accountId } = snapshots.world.home;
  const scope: SnapshotScope = {
    target: { accountId, region: HOME_REGION },
    kmsKeyArn: snapshots.key,
    snapshotIds: originals,
    begunUntilMs: 0,
    maker: { workflowId, runId: randomUUID() },
  };
  const copyIds: string[] = [];
  for (const snapshotId of originals) {
    const found = await snapshots.snapshot(snapshotId);
    const startedAt = found?.StartTime?.getTime() ?? 0;
    scope.begunUntilMs = Math.max(scope.begunUntilMs ?? 0, startedAt);
    const facts = { snapshotId, volumeId: '', tags: tagsOf(found ?? {}), description: 'x', startedAt };
    const id = encryptionIdOf(snapshotId, snapshots.key);
    const { tags, description } = copyMarks(facts, scope.maker, id);
    copyIds.push(await snapshots.copiedBySomebody(snapshotId, description, tags));
  }
  return { scope, originals, copyIds };
}

/** A run as 0.1.0 hands itself over to a new one: it waits, and lists a part of its copies. */
async function oldRun(count: number): Promise<OldRun> {
  const workflowId = `old-${randomUUID()}`;
  const of = await oldCopies(workflowId, count);
  const [snapshotId = ''] = of.originals;
  const none = { items: [], total: 0 };
  const copied = { items: [{ snapshotId, copyId: of.copyIds[0] }], total: count };
  const planned = { items: [snapshotId], total: count };
  const tally = { planned, done: none, kept: none, copied, encrypted: none, failed: none, dealtWith: 0 };
  const input = { snapshotIds: of.originals, kmsKeyId: snapshots.key };
  const handle = await snapshots.world.client.workflow.start('encryptSnapshots', {
    args: [input, { scope: of.scope, stage: 'waiting', tally }],
    taskQueue: TASK_QUEUE,
    workflowId,
    memo: { [TEST_CONTINUES]: true },
  });
  return { ...of, handle: await snapshots.waiting(handle) };
}

/** Somebody's copy of other data, with all the marks of this one. */
async function withMarksOf(copyId: string, more: Record<string, string> = {}): Promise<string> {
  const copy = await snapshots.snapshot(copyId);
  const theirs = await snapshots.aSnapshot('theirs');
  return snapshots.copiedBySomebody(theirs, copy?.Description ?? '', { ...tagsOf(copy ?? {}), ...more });
}

const there = async (ids: readonly string[]) =>
  Promise.all(ids.map(async (id) => (await snapshots.snapshot(id)) !== undefined));

describe('a run that 0.1.0 began, and that recorded a part of its copies', () => {
  beforeAll(async () => {
    snapshots = await SnapshotWorld.open();
  });
  afterAll(() => snapshots.close());
  beforeEach(() => snapshots.reset());

  it('commits all that can be proven to be its own', async () => {
    const { handle, originals, copyIds } = await oldRun(3);
    await snapshots.tell(handle, 'commit');
    const result = await awaitResult<EncryptSnapshotsResult>(handle);
    expect(Object.values(result.snapshotIdMap).sort()).toEqual([...copyIds].sort());
    expect(await there(originals)).toEqual([false, false, false]);
  });

  it('takes all of them back', async () => {
    const { handle, originals, copyIds } = await oldRun(2);
    await snapshots.tell(handle, 'rollback');
    await expect(awaitResult(handle)).rejects.toThrow();
    expect(await there([...originals, ...copyIds])).toEqual([true, true, false, false]);
  });

  it('touches none of two that may be its copy, names them, and goes on when somebody has removed one', async () => {
    const { handle, originals, copyIds } = await oldRun(2);
    const stranger = await withMarksOf(copyIds[0] ?? '');
    await snapshots.tell(handle, 'commit');
    const text = await snapshots.held(handle);
    expect(text).toContain(stranger);
    expect(text).toContain(copyIds[0]);
    expect(await there([...originals, ...copyIds, stranger])).toEqual([true, false, true, true, true]);
    await snapshots.deleteSnapshot(stranger);
    await snapshots.tell(handle, 'commit');
    expect(await awaitResult<EncryptSnapshotsResult>(handle)).toMatchObject({ encrypted: { total: 2 } });
  });

  it('commits nothing that it did not select, in the activities of 0.1.0 too', async () => {
    const workflowId = `old-${randomUUID()}`;
    const { scope, originals, copyIds } = await oldCopies(workflowId, 1);
    const bystander = await snapshots.aSnapshot('bystander');
    const crafted = await withMarksOf(copyIds[0] ?? '', { 'holdfast:encrypted-from': bystander });
    const activities = createActivities(snapshots.world.deps);
    const committed = await new MockActivityEnvironment().run(() => activities.commitEncryptions({ scope }));
    expect(committed).toMatchObject({
      encrypted: [{ snapshotId: originals[0], copyId: copyIds[0] }],
      failed: [],
    });
    const back = { scope, afterLag: true };
    await new MockActivityEnvironment().run(() => activities.takeBackEncryptions(back));
    expect(await there([bystander, crafted])).toEqual([true, true]);
  });
});

describe('orders to a run with a long history', () => {
  it('are carried out, those too that came while it went on as a new one', async () => {
    snapshots = await SnapshotWorld.open({ suggestContinueAsNewAfter: 5 });
    const count = 102;
    for (let made = 0; made < count; made += 34) await snapshots.someSnapshots('ordered', 34);
    const [last = '', ...others] = await snapshots.ids('ordered');
    const handle = await snapshots.copied(snapshots.named('ordered'));
    const second = new Promise<unknown>((resolve, reject) => {
      const held = () => snapshots.tell(handle, 'commit', { items: [last] }).then(resolve, reject);
      snapshots.world.proxy.fault('DeleteSnapshot', { held: async () => void (await held()) }, 1);
    });
    await snapshots.tell(handle, 'commit', { items: others });
    await second;
    expect(await awaitResult<EncryptSnapshotsResult>(handle)).toMatchObject({ encrypted: { total: count } });
    await snapshots.close();
  });
});
