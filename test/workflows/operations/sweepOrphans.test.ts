import {
  CopySnapshotCommand,
  CreateSnapshotCommand,
  DeleteSnapshotCommand,
  DescribeSnapshotAttributeCommand,
  DescribeSnapshotsCommand,
  type Snapshot,
  type Tag,
} from '@aws-sdk/client-ec2';
import { ListGrantsCommand } from '@aws-sdk/client-kms';
import { AwsControl } from '../../../local/measure/control';
import type { RunBackupResult } from '../../../src/model/backup/run';
import type { EnforceExpiryResult } from '../../../src/model/retention/expiry';
import { ownDescription } from '../../../src/model/names';
import type { SweepOrphansResult } from '../../../src/model/operations/sweep';
import { HOME_REGION, type TestAccount } from '../../support/accounts';
import { aKey, aVolume, completed, tagsOf } from '../../support/seed';
import { until } from '../../support/until';
import { aWorld, type World } from '../../support/world';

const DAY = 86_400_000;
const DR = 'eu-west-1';

describe('what crashed runs leave behind', () => {
  let world: World;
  let vault: TestAccount;

  beforeAll(async () => {
    world = await aWorld({ otherAccounts: 1 });
    [vault] = world.others as [TestAccount];
  });
  afterAll(() => world.close());
  beforeEach(() => {
    world.proxy.reset();
    // What is a day old at most may still be somebody's work. The local AWS's days are seconds.
    world.clock.offset = 1000 * DAY;
  });

  const sweep = (more: object = {}) => world.run<SweepOrphansResult>('sweepOrphans', more);
  async function snapshots(policy: string): Promise<Snapshot[]> {
    const Filters = [{ Name: 'tag:holdfast:policy', Values: [policy] }];
    const command = new DescribeSnapshotsCommand({ OwnerIds: ['self'], Filters });
    return (await world.home.ec2().send(command)).Snapshots ?? [];
  }
  async function backUp(policyName: string, more: object = {}): Promise<RunBackupResult> {
    await world.run('createBackupPolicy', {
      policyName,
      frequency: '4h',
      retention: 'forever',
      paused: true,
      selector: { tags: { all: { policy: policyName } } },
      ...more,
    });
    return world.run<RunBackupResult>('runBackup', { policyName });
  }
  /** A second snapshot with the marks of a first one, as a lost answer makes it. */
  async function twinOf({ VolumeId, Description, Tags = [] }: Snapshot): Promise<string> {
    const own = Tags.filter(({ Key = '' }: Tag) => !Key.startsWith('aws:'));
    const { SnapshotId } = await world.home.ec2().send(
      new CreateSnapshotCommand({
        VolumeId,
        Description,
        TagSpecifications: [{ ResourceType: 'snapshot', Tags: own }],
      }),
    );
    return completed(world.home, SnapshotId);
  }

  it('is found, and with a word deleted, once', async () => {
    const volumeId = await aVolume(world.home, { tags: { policy: 'staged' } });
    const staged = await twinOf({
      VolumeId: volumeId,
      Description: ownDescription('mig-1'),
      Tags: Object.entries({
        'holdfast:migration': 'mig-1',
        'holdfast:policy': 'staged',
        'holdfast:source-volume': volumeId,
      }).map(([Key, Value]) => ({ Key, Value })),
    });
    const looked = await sweep();
    expect(looked).toMatchObject({ dryRun: true, deleted: { total: 0 } });
    expect(looked.found.items).toEqual([
      expect.objectContaining({ kind: 'snapshot', resourceId: staged, removable: true }),
    ]);
    expect(await snapshots('staged')).toHaveLength(1);

    world.proxy.fault('DeleteSnapshot', { after: 'lose the response' }, 1);
    expect((await sweep({ dryRun: false })).deleted.items).toEqual([staged]);
    expect(await snapshots('staged')).toEqual([]);
    expect(await sweep({ dryRun: false })).toMatchObject({ found: { total: 0 }, deleted: { total: 0 } });
  });

  it('may be somebody’s copy with all marks of what is gone, which is only said', async () => {
    const volumeId = await aVolume(world.home, { tags: { policy: 'copied' } });
    const { SnapshotId: first = '' } = await world.home
      .ec2()
      .send(new CreateSnapshotCommand({ VolumeId: volumeId }));
    await completed(world.home, first);
    const { SnapshotId: theirs = '' } = await world.home.ec2().send(
      new CopySnapshotCommand({
        SourceRegion: HOME_REGION,
        SourceSnapshotId: first,
        Description: ownDescription('mig-2'),
        TagSpecifications: [
          {
            ResourceType: 'snapshot',
            Tags: [
              { Key: 'holdfast:migration', Value: 'mig-2' },
              { Key: 'holdfast:source-volume', Value: volumeId },
            ],
          },
        ],
      }),
    );
    await completed(world.home, theirs);
    const { found, deleted } = await sweep({ dryRun: false });
    expect(deleted.total).toBe(0);
    expect(found.items).toEqual([expect.objectContaining({ resourceId: theirs, removable: false })]);
    await world.home.ec2().send(new DeleteSnapshotCommand({ SnapshotId: theirs }));
  });

  it('may be the second of two, which is only said: whoever copies all tags makes the same', async () => {
    await aVolume(world.home, { tags: { policy: 'twins' } });
    await backUp('twins');
    const [first] = (await snapshots('twins')) as [Snapshot];
    const twin = await twinOf(first);
    const { found, deleted } = await sweep({ dryRun: false });
    expect(deleted.total).toBe(0);
    expect(found.items).toEqual([
      expect.objectContaining({ kind: 'snapshot', resourceId: twin, removable: false }),
    ]);
    expect(found.items[0]?.reason).toContain(`${first.SnapshotId} was begun first and counts`);
    expect(await snapshots('twins')).toHaveLength(2);
    await world.home.ec2().send(new DeleteSnapshotCommand({ SnapshotId: twin }));
  });

  it('is nothing that AWS Backup or DLM look after, whatever tags somebody copied', async () => {
    const volumeId = await aVolume(world.home, { tags: { policy: 'theirs' } });
    const control = new AwsControl(world.proxy.upstream.origin);
    const marks = {
      'holdfast:recovery-point': 'rp-00000000000000001',
      'holdfast:policy': 'theirs',
      'holdfast:taken-at': '2020-01-01T00:00:00.000Z',
      'holdfast:expires-at': '2020-01-02T00:00:00.000Z',
      'holdfast:set': '2',
    };
    for (const tag of ['aws:backup:source-resource', 'aws:dlm:lifecycle-policy-id']) {
      const resourceId = await twinOf({
        VolumeId: volumeId,
        Description: ownDescription('rp-00000000000000001'),
        Tags: Object.entries(marks).map(([Key, Value]) => ({ Key, Value })),
      });
      const { accountId } = world.home;
      await control.post('service-tags', {
        accountId,
        region: HOME_REGION,
        resourceId,
        tags: { [tag]: 'x' },
      });
    }
    const swept = await sweep({ dryRun: false });
    expect(swept).toMatchObject({ found: { total: 0 }, others: { awsBackup: 1, dlm: 1 } });
    const expired = await world.run<EnforceExpiryResult>('enforceExpiry', {});
    expect(expired).toMatchObject({ expired: { total: 0 }, others: { awsBackup: 1, dlm: 1 } });
    expect(await snapshots('theirs')).toHaveLength(2);
  });

  it('are the rights of a vault, when its job was terminated', async () => {
    const [sourceKey, kmsKeyId] = [await aKey(world.home), await aKey(vault, DR)];
    await aVolume(world.home, { tags: { policy: 'vault' }, kmsKeyId: sourceKey });
    world.proxy.fault('CopySnapshot', { before: { status: 503, code: 'Unavailable', message: 'not now' } });
    const run = await backUp('vault', {
      retention: '3000d',
      copies: [
        {
          toAccount: vault.accountId,
          toRegion: DR,
          kmsKeyId,
          lock: { mode: 'governance', for: '2000d' },
        },
      ],
    });
    const job = world.client.workflow.getHandle(run.copies.items[0]?.workflowId ?? '');
    await until(async () => Promise.resolve(world.proxy.callsOf('CopySnapshot').length > 1));
    await job.terminate('somebody is in a hurry');
    // Nobody wants the copies now: the queue would share again.
    const queue = world.client.workflow.getHandle(`copy-queue/${vault.accountId}/${DR}`);
    await queue.terminate('with the job');
    await until(async () => (await sweep()).found.items.some(({ kind }) => kind === 'share'));

    const shares = (await sweep()).found.items.filter(({ kind }) => kind === 'share');
    expect(shares).toEqual([expect.objectContaining({ resourceId: job.workflowId, removable: true })]);
    expect(shares[0]?.reason).toContain(`${vault.accountId} still sees 1 snapshots and may use 1 keys`);
    expect((await sweep({ dryRun: false })).deleted.items).toContain(job.workflowId);
    const [source] = await snapshots('vault');
    const { CreateVolumePermissions } = await world.home.ec2().send(
      new DescribeSnapshotAttributeCommand({
        SnapshotId: source?.SnapshotId,
        Attribute: 'createVolumePermission',
      }),
    );
    expect(CreateVolumePermissions ?? []).toEqual([]);
    const { Grants = [] } = await world.home.kms().send(new ListGrantsCommand({ KeyId: sourceKey }));
    expect(Grants.filter(({ Name }) => Name?.startsWith('holdfast/'))).toEqual([]);
    expect(tagsOf(source ?? {})).toHaveProperty('holdfast:recovery-point');
  });

  it('is said of each target, and one that cannot be read does not stop the others', async () => {
    const failing = { accountId: '123456789012', region: HOME_REGION };
    world.accounts.accounts[failing.accountId] = {
      regions: [HOME_REGION],
      roles: { retention: 'arn:aws:iam::123456789012:role/none' },
    };
    await expect(sweep({ targets: [failing, {}] })).rejects.toThrow(/1 of 2 orphans or targets failed/);
  });
});
