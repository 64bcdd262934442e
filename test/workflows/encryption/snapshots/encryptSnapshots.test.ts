import type { Snapshot } from '@aws-sdk/client-ec2';
import { Blocks } from '../../../../local/measure/blocks';
import { FAILURE } from '../../../../src/model/failures';
import type { ProgressPage } from '../../../../src/model/progress';
import type { EncryptSnapshotsResult } from '../../../../src/model/encryption/snapshots/snapshotEncryption';
import { HOME_REGION } from '../../../support/accounts';
import { awaitResult } from '../../../support/awaitResult';
import { expectFailure, failedResult } from '../../../support/failure';
import { aKey, tagsOf } from '../../../support/seed';
import { SnapshotWorld } from '../../../support/snapshotEncryption';
import { until } from '../../../support/until';

let snapshots: SnapshotWorld;

/** Of AWS time; 1.2 s of ours: longer than Temporal waits before a retry. */
const LAG_SECONDS = 6000;
const READ_LAG_MS = 1300;

/** Reads lag from now on, and show these snapshots already. */
async function lagging(name: string, count: number): Promise<void> {
  await snapshots.aws.control.post('lag', { seconds: LAG_SECONDS });
  await until(async () => {
    const states = (await snapshots.snapshots(name)).map(({ State }) => State);
    return states.filter((state) => state === 'completed').length === count;
  });
}

describe.each([{ cache: true }, { cache: false }])('encryptSnapshots, workflow cache $cache', ({ cache }) => {
  beforeAll(async () => {
    snapshots = await SnapshotWorld.open({ cache, settings: { readLagMs: READ_LAG_MS } });
  });
  afterAll(() => snapshots.close());
  beforeEach(() => snapshots.reset());

  it('copies under the key, carries everything over, and deletes the originals after a commit only', async () => {
    const { home, proxy } = snapshots.world;
    const blocks = new Blocks(proxy.upstream.origin, home);
    const tags = { owner: 'ann', 'cost center': '7' };
    const original = await snapshots.aSnapshot('users', { tags });
    const [before] = (await snapshots.snapshots('users')) as [Snapshot];
    const digest = await blocks.digest(original);
    const handle = await snapshots.copied({ ...snapshots.named('users'), requestedBy: 'bob' });
    expect(await snapshots.ids('users')).toHaveLength(2);
    expect(await handle.query<ProgressPage>('progress')).toMatchObject({ counts: { copied: 1 } });
    await snapshots.tell(handle, 'commit');
    const result = await awaitResult<EncryptSnapshotsResult>(handle);

    const [copy, ...none] = (await snapshots.snapshots('users')) as [Snapshot];
    expect(none).toEqual([]);
    const copyId = copy.SnapshotId ?? '';
    expect(result).toMatchObject({
      summary: `1 of 1 snapshots in ${home.accountId}/${HOME_REGION} encrypted, 0 were before, 0 left as they are, 0 failed`,
      encrypted: { items: [{ snapshotId: original, copyId }], total: 1 },
      skipped: { total: 0 },
      failed: { total: 0 },
      snapshotIdMap: { [original]: copyId },
    });
    expect(result.residue.snapshots.items).not.toContain(original);
    expect(result.residue.volumes.items).toContain(before.VolumeId);
    expect(copy).toMatchObject({
      State: 'completed',
      Encrypted: true,
      KmsKeyId: snapshots.key,
      VolumeSize: 1,
    });
    expect(tagsOf(copy)).toMatchObject({
      ...tags,
      'holdfast:encrypted-from': original,
      'holdfast:started-at': before.StartTime?.toISOString(),
      'holdfast:description': 'of users',
      'holdfast:source-volume': before.VolumeId,
      'holdfast:requested-by': 'bob',
    });
    expect(tagsOf(copy)).not.toHaveProperty('holdfast:uncommitted');
    expect(await blocks.digest(copyId)).toBe(digest);
  });

  it('copies once, and deletes once, when answers are lost and reads lag', async () => {
    const { proxy } = snapshots.world;
    const [original = ''] = await snapshots.someSnapshots('lost', 1);
    await lagging('lost', 1);
    for (const action of ['CopySnapshot', 'CreateTags', 'DeleteSnapshot', 'DeleteTags'])
      proxy.fault(action, { after: 'lose the response' }, 1);
    const result = await snapshots.committed(snapshots.named('lost'));
    await snapshots.aws.control.post('lag', { seconds: 0 });
    expect(Object.keys(result.snapshotIdMap)).toEqual([original]);
    expect(proxy.callsOf('CopySnapshot')).toHaveLength(1);
    expect((await snapshots.snapshots('lost')).map(({ Encrypted }) => Encrypted)).toEqual([true]);
  });

  it('changes nothing in a dry run', async () => {
    const [unencrypted] = await snapshots.someSnapshots('dry', 1);
    const encrypted = await snapshots.aSnapshot('dry', { kmsKeyId: snapshots.key });
    const { proxy } = snapshots.world;
    proxy.reset();
    const result = await snapshots.run({ ...snapshots.named('dry'), dryRun: true });
    expect(result).toMatchObject({
      plan: { items: [unencrypted], total: 1 },
      encrypted: { total: 0 },
      skipped: { items: [{ item: encrypted, reasons: ['it is encrypted under this key already'] }] },
    });
    expect(result.summary).toContain('1 snapshots in');
    expect(result.residue.snapshots.items).toContain(unencrypted);
    expect(proxy.mutations()).toEqual([]);
  });

  it('deletes its copies when it is cancelled, while it copies and while it waits', async () => {
    const originals = await snapshots.someSnapshots('cancelled', 2);
    await lagging('cancelled', 2);
    const { proxy } = snapshots.world;
    // The copy is there, and neither its answer nor a look tells.
    proxy.fault('CopySnapshot', { after: 'lose the response' }, 1);
    const handle = await snapshots.start(snapshots.named('cancelled'));
    await until(() => proxy.callsOf('CopySnapshot').length === 1);
    await handle.cancel();
    await expect(awaitResult(handle)).rejects.toThrow(/cancelled/i);
    await snapshots.aws.control.post('lag', { seconds: 0 });
    expect(await snapshots.ids('cancelled')).toEqual([...originals].sort());

    proxy.reset();
    const waiting = await snapshots.copied(snapshots.named('cancelled'));
    expect(await snapshots.ids('cancelled')).toHaveLength(4);
    await waiting.cancel();
    await expect(awaitResult(waiting)).rejects.toThrow(/cancelled/i);
    expect(await snapshots.ids('cancelled')).toEqual([...originals].sort());
  });
});

describe('encryptSnapshots', () => {
  beforeAll(async () => {
    snapshots = await SnapshotWorld.open();
  });
  afterAll(() => snapshots.close());
  beforeEach(() => snapshots.reset());

  it('takes part of the copies under way in a region, and waits where others fill it', async () => {
    const { proxy } = snapshots.world;
    await snapshots.someSnapshots('many', 24);
    const error = { code: 'ResourceLimitExceeded', message: 'Too many snapshot copies in progress' };
    await snapshots.aws.control.post('limits', { on: true });
    await snapshots.aws.control.post('faults', {
      action: 'CopySnapshot',
      nth: [1, 2, 13],
      effect: { error },
    });
    const handle = await snapshots.copied({ selector: { unencrypted: true } });
    await snapshots.tell(handle, 'commit');
    const result = await awaitResult<EncryptSnapshotsResult>(handle);
    expect(await handle.query<ProgressPage>('progress')).toMatchObject({ counts: { encrypted: 24 } });
    await snapshots.aws.control.post('limits', { on: false });
    expect(result).toMatchObject({ encrypted: { total: 24 }, residue: { snapshots: { total: 0 } } });
    expect(proxy.callsOf('CopySnapshot')).toHaveLength(27);
    // Nothing is left to do, and that is a success.
    expect(await snapshots.run({ selector: { unencrypted: true } })).toMatchObject({
      encrypted: { total: 0 },
    });
  });

  it('makes a copy that ended in error again, and says why when it cannot be made', async () => {
    const { proxy } = snapshots.world;
    const [good = ''] = await snapshots.someSnapshots('broken', 1);
    const fails = (SourceSnapshotId: string, nth: number[]) =>
      snapshots.aws.control.post('faults', {
        action: 'CopySnapshot',
        parameters: { SourceSnapshotId },
        nth,
        effect: { fails: 'Given key ID is not accessible' },
      });
    await fails(good, [1, 2]);
    const [bad = ''] = await snapshots.someSnapshots('broken', 1);
    await fails(bad, [1, 2, 3]);
    const failure = await failedResult<EncryptSnapshotsResult>(
      snapshots.committed(snapshots.named('broken')),
      FAILURE.partialFailure,
    );
    expect(failure).toMatchObject({ encrypted: { items: [{ snapshotId: good }] }, failed: { total: 1 } });
    expect(failure.failed.items[0]).toMatchObject({ item: bad, type: FAILURE.resourceFailed });
    expect(failure.failed.items[0]?.message).toMatch(
      /its copy failed 3 times, at last snap-\w+: Given key ID is not accessible/,
    );
    expect(proxy.callsOf('CopySnapshot')).toHaveLength(6);
    expect(await snapshots.ids('broken')).toEqual([bad, ...Object.values(failure.snapshotIdMap)].sort());
  });

  it('copies and commits the others where one is refused by a name that nobody knows', async () => {
    const { proxy } = snapshots.world;
    const [first = '', odd = '', third = ''] = (await snapshots.someSnapshots('odd', 3)).sort();
    proxy.fault(({ action, params }) => action === 'CopySnapshot' && Object.values(params).includes(odd), {
      before: { code: 'SnapshotOddity', status: 400 },
    });
    const failure = await failedResult<EncryptSnapshotsResult>(
      snapshots.committed(snapshots.named('odd')),
      FAILURE.partialFailure,
    );
    expect(Object.keys(failure.snapshotIdMap).sort()).toEqual([first, third]);
    expect(failure.failed.items).toEqual([expect.objectContaining({ item: odd })]);
    expect(failure.failed.items[0]?.message).toMatch(/SnapshotOddity/);
    expect(await snapshots.snapshot(odd)).toBeDefined();
  });

  it('commits some, and rolls the others back', async () => {
    const [first = '', second = ''] = await snapshots.someSnapshots('some', 2);
    const handle = await snapshots.copied(snapshots.named('some'));
    await snapshots.tell(handle, 'commit', { items: [first, 'snap-0000000000000000f'] });
    await until(async () => {
      const { rows } = await handle.query<ProgressPage>('progress');
      return rows.some(({ item, state }) => item === 'snap-0000000000000000f' && state === 'unknown');
    });
    await snapshots.waiting(handle);
    await snapshots.tell(handle, 'rollback');
    const failure = await failedResult<EncryptSnapshotsResult>(awaitResult(handle), FAILURE.rolledBack);
    expect(failure).toMatchObject({ encrypted: { items: [{ snapshotId: first }], total: 1 } });
    expect(await snapshots.ids('some')).toEqual([second, failure.snapshotIdMap[first]].sort());
  });

  it('takes over the copies of a run that was terminated, and leaves those of an open one alone', async () => {
    const { proxy } = snapshots.world;
    const [original = ''] = await snapshots.someSnapshots('terminated', 1);
    const first = await snapshots.copied(snapshots.named('terminated'));
    const blocked = await failedResult<EncryptSnapshotsResult>(
      snapshots.run(snapshots.named('terminated')),
      FAILURE.allFailed,
    );
    expect(blocked.skipped.items[0]?.reasons[0]).toContain(
      `workflow ${first.workflowId} has made its encrypted copy`,
    );
    await first.terminate('somebody is in a hurry');
    const result = await snapshots.committed({ snapshotIds: [original] });
    expect(result).toMatchObject({ encrypted: { items: [{ snapshotId: original }] } });
    expect(proxy.callsOf('CopySnapshot')).toHaveLength(1);
    expect(await snapshots.ids('terminated')).toEqual([result.snapshotIdMap[original]]);
  });

  it('never deletes the last of its data: a copy whose original somebody has deleted stays', async () => {
    const [gone = '', there = ''] = await snapshots.someSnapshots('gone', 2);
    const handle = await snapshots.copied(snapshots.named('gone'));
    await snapshots.deleteSnapshot(gone);
    await snapshots.tell(handle, 'rollback');
    await expect(awaitResult(handle)).rejects.toThrow();
    const left = await snapshots.snapshots('gone');
    expect(left.map((each) => [each.Encrypted, tagsOf(each)['holdfast:encrypted-from']])).toEqual(
      expect.arrayContaining([
        [false, undefined],
        [true, gone],
      ]),
    );
    expect(left.map(({ SnapshotId }) => SnapshotId)).toContain(there);
    expect(left).toHaveLength(2);
  });

  describe('refuses, before anything is made,', () => {
    const refused = async (input: object, type: string = FAILURE.invalidInput) => {
      const message = await expectFailure(snapshots.run(input), type);
      expect(snapshots.world.proxy.callsOf('CopySnapshot')).toEqual([]);
      return message;
    };
    it('ids that are none, or not there, each named', async () => {
      expect(await refused({ snapshotIds: ['vol-1'] })).toContain('snapshotIds[0]: not a snapshot id');
      const unknown = ['snap-00000000000000001', 'snap-00000000000000002'];
      expect(await refused({ snapshotIds: unknown }, FAILURE.notFound)).toContain(unknown.join(', '));
    });
    it('tags that nothing carries', async () => {
      await refused(snapshots.named('nobody'), FAILURE.nothingSelected);
    });
    it('a key that is not there, of another region, or of AWS', async () => {
      const input = { selector: { unencrypted: true } };
      await refused({ ...input, kmsKeyId: 'alias/none' }, FAILURE.keyUnusable);
      const elsewhere = await aKey(snapshots.world.home, 'eu-west-1');
      await refused({ ...input, kmsKeyId: elsewhere }, FAILURE.keyUnusable);
      expect(await refused({ ...input, kmsKeyId: 'alias/aws/ebs' }, FAILURE.keyUnusable)).toContain(
        'use a customer managed key',
      );
    });
  });

  it('refuses a commit that comes too early, or after another word', async () => {
    const { proxy } = snapshots.world;
    await snapshots.someSnapshots('told', 1);
    const { came, release } = proxy.hold('CopySnapshot');
    const handle = await snapshots.start(snapshots.named('told'));
    await came;
    await expect(snapshots.tell(handle, 'commit')).rejects.toMatchObject({
      cause: { message: expect.stringContaining('not complete yet') as string },
    });
    release();
    await snapshots.waiting(handle);
    await handle.signal('commit', { by: '', reason: 'a signal that is refused is logged only' });
    await snapshots.tell(handle, 'commit');
    expect(await awaitResult<EncryptSnapshotsResult>(handle)).toMatchObject({ encrypted: { total: 1 } });
  });
});

describe('encryptSnapshots with a long history', () => {
  it('goes on in new runs, and forgets nothing', async () => {
    snapshots = await SnapshotWorld.open({ suggestContinueAsNewAfter: 5 });
    const count = 105;
    for (let made = 0; made < count; made += 35) await snapshots.someSnapshots('long', 35);
    const handle = await snapshots.copied({ ...snapshots.named('long') });
    await snapshots.tell(handle, 'commit');
    const result = await awaitResult<EncryptSnapshotsResult>(handle);
    expect(result).toMatchObject({
      encrypted: { total: count, truncated: true },
      residue: { snapshots: { total: 0 } },
    });
    expect(Object.keys(result.snapshotIdMap)).toHaveLength(100);
    expect(snapshots.world.proxy.callsOf('CopySnapshot')).toHaveLength(count);
    const { raw } = await handle.describe();
    expect(raw.workflowExecutionInfo?.firstRunId).not.toBe(raw.workflowExecutionInfo?.execution?.runId);
    await snapshots.close();
  });
});
