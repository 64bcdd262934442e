import {
  CreateSnapshotCommand,
  DescribeSnapshotsCommand,
  ModifySnapshotAttributeCommand,
  type Snapshot,
} from '@aws-sdk/client-ec2';
import type { WorkflowHandle } from '@temporalio/client';
import { Blocks } from '../../local/measure/blocks';
import { FAILURE } from '../../src/model/failures';
import type { MessageName } from '../../src/model/messages';
import type { ProgressPage } from '../../src/model/progress';
import type { EncryptSnapshotsResult } from '../../src/model/snapshotEncryption';
import { HOME_REGION } from '../support/accounts';
import { awaitResult } from '../support/awaitResult';
import { AwsServer } from '../support/awsServer';
import { expectFailure, failedResult } from '../support/failure';
import { aKey, aVolume, completed, tagsOf } from '../support/seed';
import { until } from '../support/until';
import { aWorld, type World } from '../support/world';

const MESSAGE = { by: 'ann', reason: 'checked' };

describe.each([{ cache: true }, { cache: false }])('encryptSnapshots, workflow cache $cache', ({ cache }) => {
  let aws: AwsServer;
  let world: World;
  let key: string;

  beforeAll(async () => {
    // Of its own: faults and limits.
    aws = await AwsServer.start();
    world = await aWorld({ aws: aws.endpoint, cache });
    key = await aKey(world.home);
  });
  afterAll(async () => {
    await world.close();
    aws.stop();
  });
  beforeEach(() => world.proxy.reset());
  afterEach(() => aws.control.delete('faults'));

  const group = (name: string) => ({ selector: { tags: { all: { group: name } } } });
  async function aSnapshot(name: string, more: Record<string, string> = {}, size = 1): Promise<string> {
    const { SnapshotId } = await world.home.ec2().send(
      new CreateSnapshotCommand({
        VolumeId: await aVolume(world.home, { size }),
        Description: `of ${name}`,
        TagSpecifications: [
          {
            ResourceType: 'snapshot',
            Tags: Object.entries({ group: name, ...more }).map(([Key, Value]) => ({ Key, Value })),
          },
        ],
      }),
    );
    return completed(world.home, SnapshotId);
  }
  async function snapshots(name: string): Promise<Snapshot[]> {
    const Filters = [{ Name: 'tag:group', Values: [name] }];
    const command = new DescribeSnapshotsCommand({ OwnerIds: ['self'], Filters });
    return (await world.home.ec2().send(command)).Snapshots ?? [];
  }
  const ids = async (name: string) => (await snapshots(name)).map(({ SnapshotId = '' }) => SnapshotId).sort();
  const begin = (input: object, more: object = {}) =>
    world.start('encryptSnapshots', { kmsKeyId: key, ...input }, more);
  async function untilWaiting(handle: WorkflowHandle): Promise<void> {
    await until(async () => (await handle.query<ProgressPage>('progress')).phase === 'Waiting for commit');
  }
  const tell = (handle: WorkflowHandle, message: MessageName, more: object = {}) =>
    handle.executeUpdate(message, { args: [{ ...MESSAGE, ...more }] });
  async function waits(input: object): Promise<WorkflowHandle> {
    const handle = await begin(input);
    await untilWaiting(handle);
    return handle;
  }
  async function committed(input: object): Promise<EncryptSnapshotsResult> {
    const handle = await waits(input);
    await tell(handle, 'commit');
    return awaitResult(handle);
  }

  it('copies under the key, carries everything over, and deletes the originals after a commit only', async () => {
    const blocks = new Blocks(world.proxy.upstream.origin, world.home);
    const tags = { owner: 'ann', 'cost center': '7' };
    const original = await aSnapshot('users', tags);
    const [before] = (await snapshots('users')) as [Snapshot];
    const digest = await blocks.digest(original);
    const handle = await waits({ ...group('users'), requestedBy: 'bob' });
    expect(await ids('users')).toHaveLength(2);
    expect(await handle.query<ProgressPage>('progress')).toMatchObject({
      phase: 'Waiting for commit',
      counts: { copied: 1 },
    });
    await tell(handle, 'commit');
    const result = await awaitResult<EncryptSnapshotsResult>(handle);

    const [copy, ...none] = (await snapshots('users')) as [Snapshot];
    expect(none).toEqual([]);
    const copyId = copy.SnapshotId ?? '';
    expect(result).toMatchObject({
      summary: `1 of 1 snapshots in ${world.home.accountId}/${HOME_REGION} encrypted, 0 were before, 0 left as they are, 0 failed`,
      encrypted: { items: [{ snapshotId: original, copyId }], total: 1 },
      skipped: { total: 0 },
      failed: { total: 0 },
      snapshotIdMap: { [original]: copyId },
    });
    expect(result.residue.snapshots.items).not.toContain(original);
    expect(result.residue.volumes.items).toContain(before.VolumeId);
    expect(copy).toMatchObject({ State: 'completed', Encrypted: true, KmsKeyId: key, VolumeSize: 1 });
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

  it('copies once, and deletes once, when answers are lost', async () => {
    await aSnapshot('lost');
    for (const action of ['CopySnapshot', 'CreateTags', 'DeleteSnapshot', 'DeleteTags'])
      world.proxy.fault(action, { after: 'lose the response' }, 1);
    expect(await committed(group('lost'))).toMatchObject({ encrypted: { total: 1 } });
    expect(world.proxy.callsOf('CopySnapshot')).toHaveLength(1);
    expect((await snapshots('lost')).map(({ Encrypted }) => Encrypted)).toEqual([true]);
  });
});
