import {
  CreateSnapshotsCommand,
  DisableImageCommand,
  ModifySnapshotTierCommand,
  RestoreSnapshotTierCommand,
} from '@aws-sdk/client-ec2';
import {
  CancelKeyDeletionCommand,
  DisableKeyCommand,
  EnableKeyCommand,
  ScheduleKeyDeletionCommand,
} from '@aws-sdk/client-kms';
import type { WorkflowHandle } from '@temporalio/client';
import { FAILURE } from '../../../../src/model/failures';
import type { EncryptSnapshotsResult } from '../../../../src/model/encryption/snapshots/snapshotEncryption';
import { awaitResult } from '../../../support/awaitResult';
import { failedResult } from '../../../support/failure';
import { anInstance, completed, tagsOf } from '../../../support/seed';
import { SnapshotWorld } from '../../../support/snapshotEncryption';
import { until } from '../../../support/until';

let snapshots: SnapshotWorld;

const DENIED = { before: { code: 'UnauthorizedOperation', status: 403 } };
const DAY_SECONDS = 86_400;
const KeyId = () => snapshots.key;

interface Copied {
  original: string;
  copyId: string;
  workflowId: string;
}

/** What comes between the plan and the commit, and a person mends; until then nothing is deleted. */
interface Mended {
  comes: (of: Copied) => Promise<unknown>;
  mended: (of: Copied) => Promise<unknown>;
  said: RegExp;
}

const kms = (command: DisableKeyCommand | EnableKeyCommand) => snapshots.world.home.kms().send(command);
const ec2 = () => snapshots.world.home.ec2();
const reset = () => Promise.resolve(snapshots.world.proxy.reset());
const refused = (action: string) => ({
  comes: () => Promise.resolve(snapshots.world.proxy.fault(action, DENIED)),
  mended: reset,
});

const MENDED: Record<string, Mended> = {
  'the key is disabled': {
    comes: () => kms(new DisableKeyCommand({ KeyId: KeyId() })),
    mended: () => kms(new EnableKeyCommand({ KeyId: KeyId() })),
    said: /the key is Disabled; enable it/,
  },
  'the key is pending deletion': {
    comes: () =>
      snapshots.world.home
        .kms()
        .send(new ScheduleKeyDeletionCommand({ KeyId: KeyId(), PendingWindowInDays: 7 })),
    async mended() {
      await snapshots.world.home.kms().send(new CancelKeyDeletionCommand({ KeyId: KeyId() }));
      await kms(new EnableKeyCommand({ KeyId: KeyId() }));
    },
    said: /the key is PendingDeletion; enable it, or cancel its deletion/,
  },
  'the key may not be looked at': { ...refused('DescribeKey'), said: /kms:DescribeKey/ },
  'the copy is in the archive': {
    comes: ({ copyId }) =>
      ec2().send(new ModifySnapshotTierCommand({ SnapshotId: copyId, StorageTier: 'archive' })),
    async mended({ copyId }) {
      await snapshots.aws.control.post('clock', { advance: 3 * DAY_SECONDS });
      await until(async () => (await snapshots.snapshot(copyId))?.StorageTier === 'archive');
      await ec2().send(new RestoreSnapshotTierCommand({ SnapshotId: copyId, PermanentRestore: true }));
      await snapshots.aws.control.post('clock', { advance: 3 * DAY_SECONDS });
      await until(async () => (await snapshots.snapshot(copyId))?.StorageTier !== 'archive');
    },
    said: /is in the archive, where nobody can read it/,
  },
  'another workflow has the copy, by its mark': {
    comes: ({ copyId }) => snapshots.tag(copyId, 'holdfast:workflow', 'another'),
    mended: ({ copyId, workflowId }) => snapshots.tag(copyId, 'holdfast:workflow', workflowId),
    said: /carries the mark of workflow another/,
  },
  'the original is gone when its shares are asked for': {
    comes: () =>
      Promise.resolve(
        snapshots.world.proxy.fault('DescribeSnapshotAttribute', {
          before: { code: 'InvalidSnapshot.NotFound', status: 400 },
        }),
      ),
    mended: reset,
    said: /nothing could be learned of it/,
  },
  ...Object.fromEntries(
    ['DescribeImages', 'DescribeLockedSnapshots', 'DescribeSnapshotTierStatus', 'DescribeSnapshots'].map(
      (action) => [`${action} is denied`, { ...refused(action), said: new RegExp(`ec2:${action} `) }],
    ),
  ),
  'the deletion is denied': { ...refused('DeleteSnapshot'), said: /ec2:DeleteSnapshot/ },
  'CreateTags is denied': { ...refused('CreateTags'), said: /ec2:CreateTags/ },
  'the deletion is denied, and DeleteTags': {
    comes: () => {
      for (const action of ['DeleteSnapshot', 'DeleteTags']) snapshots.world.proxy.fault(action, DENIED);
      return Promise.resolve();
    },
    mended: reset,
    said: /ec2:DeleteSnapshot.* keeps the marks of the point too: ec2:DeleteTags/,
  },
  'the deletion is refused by a name that nobody knows': {
    comes: () =>
      Promise.resolve(
        snapshots.world.proxy.fault('DeleteSnapshot', { before: { code: 'SnapshotOddity', status: 400 } }),
      ),
    mended: reset,
    said: /SnapshotOddity/,
  },
};

describe('what is asked again right before encryptSnapshots deletes', () => {
  beforeAll(async () => {
    snapshots = await SnapshotWorld.open();
  });
  afterAll(() => snapshots.close());
  beforeEach(() => snapshots.reset());

  async function copied(name: string): Promise<Copied & { handle: WorkflowHandle }> {
    const [original = ''] = await snapshots.someSnapshots(name, 1);
    const handle = await snapshots.copied({ snapshotIds: [original] });
    const { SnapshotId: copyId = '' } = await snapshots.copyOf(original);
    return { original, copyId, workflowId: handle.workflowId, handle };
  }

  it.each(Object.keys(MENDED))(
    '%s: nothing is deleted, the run waits and says what to do, and commits when it is mended',
    async (what) => {
      const { comes, mended, said } = MENDED[what]!;
      const { handle, ...of } = await copied('mended');
      const told = snapshots.world.notifications.length;
      await comes(of);
      await snapshots.tell(handle, 'commit');
      expect(await snapshots.held(handle)).toMatch(said);
      expect(snapshots.world.notifications.slice(told)).toEqual([
        expect.objectContaining({ kind: 'NeedsPerson', workflowId: handle.workflowId }),
      ]);
      await mended(of);
      expect(await snapshots.snapshot(of.original)).toBeDefined();
      expect(await snapshots.snapshot(of.copyId)).toBeDefined();
      await snapshots.tell(handle, 'commit');
      const result = await awaitResult<EncryptSnapshotsResult>(handle);
      expect(result.snapshotIdMap).toEqual({ [of.original]: of.copyId });
      expect(await snapshots.snapshot(of.original)).toBeUndefined();
      expect(tagsOf((await snapshots.snapshot(of.copyId)) ?? {})).not.toHaveProperty('holdfast:uncommitted');
    },
  );

  it.each([
    [['x', 'vol-0123456789abcdef0'], 'items: no snapshot ids: x, vol-0123456789abcdef0'],
    [[], 'items: name originals'],
    [['snap-0000000000000000f'], 'items: no copy of snap-0000000000000000f waits'],
  ])('refuses a commit of %p, and goes on waiting', async (items, why) => {
    await snapshots.someSnapshots('nonsense', 1);
    const handle = await snapshots.copied(snapshots.named('nonsense'));
    await expect(snapshots.tell(handle, 'commit', { items })).rejects.toMatchObject({
      cause: { message: expect.stringContaining(why) as string },
    });
    await snapshots.waiting(handle);
    await snapshots.tell(handle, 'rollback');
    await failedResult(awaitResult(handle), FAILURE.rolledBack);
  });

  it('the key: where it stays as it is, a cancel takes the copies back', async () => {
    const { handle, original, copyId } = await copied('cancelled');
    const key = snapshots.key;
    await kms(new DisableKeyCommand({ KeyId: key }));
    await snapshots.tell(handle, 'commit');
    await snapshots.held(handle);
    await handle.cancel();
    await expect(awaitResult(handle)).rejects.toThrow(/cancelled/i);
    await kms(new EnableKeyCommand({ KeyId: key }));
    expect(await snapshots.snapshot(original)).toBeDefined();
    expect(await snapshots.snapshot(copyId)).toBeUndefined();
  });

  it('a copy that somebody has replaced by another with all its marks stands for nothing', async () => {
    const { handle, original, copyId } = await copied('replaced');
    const { Description = '', ...copy } = await snapshots.copyOf(original);
    const theirs = await snapshots.aSnapshot('replaced');
    const stranger = await snapshots.copiedBySomebody(theirs, Description, tagsOf(copy));
    await snapshots.deleteSnapshot(copyId);
    await snapshots.tell(handle, 'commit');
    const failure = await failedResult<EncryptSnapshotsResult>(awaitResult(handle), FAILURE.allFailed);
    expect(failure.failed.items[0]?.message).toContain(`its encrypted copy ${copyId} is gone`);
    expect(await snapshots.snapshot(original)).toBeDefined();
    expect(tagsOf((await snapshots.snapshot(stranger)) ?? {})).toEqual(tagsOf(copy));
  });

  it('an image that is disabled uses its snapshots still', async () => {
    const { handle, original, copyId } = await copied('imaged');
    const ImageId = await snapshots.imageOf(original);
    await ec2().send(new DisableImageCommand({ ImageId }));
    snapshots.world.proxy.reset();
    await snapshots.tell(handle, 'commit');
    const failure = await failedResult<EncryptSnapshotsResult>(awaitResult(handle), FAILURE.allFailed);
    expect(failure.skipped.items[0]?.reasons[0]).toContain(`image ${ImageId} uses it`);
    expect(await snapshots.snapshot(original)).toBeDefined();
    expect(snapshots.world.proxy.callsOf('DeleteSnapshot').map(({ params }) => params.SnapshotId)).toEqual([
      copyId,
    ]);
  });

  it('of a set that is not whole any more, what is there is committed', async () => {
    const { instanceId } = await anInstance(snapshots.world.home);
    const { Snapshots = [] } = await ec2().send(
      new CreateSnapshotsCommand({ InstanceSpecification: { InstanceId: instanceId } }),
    );
    const [gone = '', there = ''] = Snapshots.map(({ SnapshotId = '' }) => SnapshotId);
    for (const id of [gone, there]) await completed(snapshots.world.home, id);
    const handle = await snapshots.copied({ snapshotIds: [gone, there] });
    const copies = [await snapshots.copyOf(gone), await snapshots.copyOf(there)].map(
      (each) => each.SnapshotId,
    );
    await snapshots.deleteSnapshot(gone);
    snapshots.world.proxy.reset();
    await snapshots.tell(handle, 'commit');
    const result = await awaitResult<EncryptSnapshotsResult>(handle);
    expect([result.snapshotIdMap[gone], result.snapshotIdMap[there]]).toEqual(copies);
    // What is not there was not looked at, and is not deleted.
    expect(snapshots.world.proxy.callsOf('DeleteSnapshot').map(({ params }) => params.SnapshotId)).toEqual([
      there,
    ]);
  });
});
