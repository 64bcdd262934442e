import {
  CopySnapshotCommand,
  CreateSnapshotCommand,
  CreateSnapshotsCommand,
  DeleteSnapshotCommand,
  DescribeLockedSnapshotsCommand,
  DescribeSnapshotsCommand,
  DisableSnapshotBlockPublicAccessCommand,
  EnableSnapshotBlockPublicAccessCommand,
  GetSnapshotBlockPublicAccessStateCommand,
  LockSnapshotCommand,
  ModifySnapshotAttributeCommand,
  UnlockSnapshotCommand,
  type Filter,
  type LockSnapshotCommandInput,
  type Snapshot,
} from '@aws-sdk/client-ec2';
import { randomUUID } from 'node:crypto';
import type { TestAccount } from '../../support/accounts';
import { anInstance, aVolume } from '../../support/seed';
import { accountsUnderTest } from '../../support/underTest';
import { until } from '../../support/until';

describe('snapshots', () => {
  let account: TestAccount;
  let snapshotId = '';

  beforeAll(async () => {
    [account] = (await accountsUnderTest()) as [TestAccount];
    snapshotId = await completed(await aSnapshot());
  });
  afterAll(() => account.destroy());

  const ec2 = () => account.ec2();
  async function aSnapshot(): Promise<string> {
    const { SnapshotId = '' } = await ec2().send(
      new CreateSnapshotCommand({ VolumeId: await aVolume(account, { size: 1 }), Description: randomUUID() }),
    );
    return SnapshotId;
  }
  async function snapshot(id: string): Promise<Snapshot> {
    const { Snapshots } = await ec2().send(new DescribeSnapshotsCommand({ SnapshotIds: [id] }));
    return Snapshots?.[0] ?? {};
  }
  async function completed(id: string): Promise<string> {
    await until(async () => (await snapshot(id)).State === 'completed');
    return id;
  }

  /** https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateSnapshots.html */
  describe('in sets', () => {
    const set = async (more: object, from: { instanceId: string }) => {
      const { Snapshots = [] } = await ec2().send(
        new CreateSnapshotsCommand({ InstanceSpecification: { InstanceId: from.instanceId, ...more } }),
      );
      return Snapshots.map(({ VolumeId }) => VolumeId).sort();
    };

    it('are without the boot volume, or without data volumes, where asked', async () => {
      const machine = await anInstance(account, {
        root: { size: 1 },
        data: ['/dev/sdf', '/dev/sdg'].map((device) => ({ device, size: 1 })),
      });
      const [root = '', f = '', g = ''] = ['/dev/xvda', '/dev/sdf', '/dev/sdg'].map(
        (d) => machine.volumes[d],
      );
      expect(await set({}, machine)).toEqual([root, f, g].sort());
      expect(await set({ ExcludeBootVolume: true }, machine)).toEqual([f, g].sort());
      expect(await set({ ExcludeDataVolumeIds: [f] }, machine)).toEqual([root, g].sort());
    });

    it('take the tags of their volumes along where asked', async () => {
      const machine = await anInstance(account, { tags: { of: 'instance' }, root: { size: 1 }, data: [] });
      const { Snapshots = [] } = await ec2().send(
        new CreateSnapshotsCommand({
          InstanceSpecification: { InstanceId: machine.instanceId },
          CopyTagsFromSource: 'volume',
          TagSpecifications: [{ ResourceType: 'snapshot', Tags: [{ Key: 'of', Value: 'set' }] }],
        }),
      );
      expect(Snapshots.map(({ Tags }) => Tags)).toEqual([[{ Key: 'of', Value: 'set' }]]);
    });
  });

  /** https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeSnapshots.html (Filter.N) */
  describe('are found', () => {
    const ids = async (...Filters: Filter[]) => {
      const { Snapshots = [] } = await ec2().send(
        new DescribeSnapshotsCommand({ OwnerIds: ['self'], Filters }),
      );
      return Snapshots.map(({ SnapshotId }) => SnapshotId);
    };

    it('by what they are', async () => {
      const it = await snapshot(snapshotId);
      const own: Record<string, string | undefined> = {
        description: it.Description,
        encrypted: 'false',
        'owner-id': account.accountId,
        progress: '100%',
        'snapshot-id': snapshotId,
        status: 'completed',
        'storage-tier': 'standard',
        'volume-id': it.VolumeId,
        'volume-size': '1',
      };
      for (const [Name, value] of Object.entries(own)) {
        expect([Name, await ids({ Name, Values: [value ?? ''] })]).toEqual([
          Name,
          expect.arrayContaining([snapshotId]),
        ]);
        expect([Name, await ids({ Name, Values: ['nothing-like-it'] })]).toEqual([Name, []]);
      }
    });

    it('by whose they are and who may restore them, page by page', async () => {
      const found: (string | undefined)[] = [];
      let NextToken: string | undefined;
      do {
        const page = await ec2().send(
          new DescribeSnapshotsCommand({ OwnerIds: ['self'], MaxResults: 5, NextToken }),
        );
        expect(page.Snapshots?.length).toBeLessThanOrEqual(5);
        found.push(...(page.Snapshots ?? []).map(({ SnapshotId }) => SnapshotId));
        NextToken = page.NextToken;
      } while (NextToken);
      expect(found).toContain(snapshotId);
      expect(new Set(found).size).toBe(found.length);
      const restorable = async (by: string) => {
        const { Snapshots = [] } = await ec2().send(
          new DescribeSnapshotsCommand({ SnapshotIds: [snapshotId], RestorableByUserIds: [by] }),
        );
        return Snapshots.length;
      };
      expect([await restorable('self'), await restorable('111111111111')]).toEqual([1, 0]);
    });

    it('by patterns', async () => {
      const { Description = '' } = await snapshot(snapshotId);
      const Values = [`${Description.slice(0, 8)}*`];
      expect(await ids({ Name: 'description', Values })).toEqual([snapshotId]);
    });
  });

  /** https://docs.aws.amazon.com/ebs/latest/userguide/time-based-copies.html */
  it('are copied within a time where asked, in steps of 15 minutes', async () => {
    const copy = (CompletionDurationMinutes: number) =>
      ec2().send(
        new CopySnapshotCommand({
          SourceRegion: 'us-east-1',
          SourceSnapshotId: snapshotId,
          CompletionDurationMinutes,
        }),
      );
    const { SnapshotId = '' } = await copy(15);
    expect(await snapshot(await completed(SnapshotId))).toMatchObject({
      CompletionDurationMinutes: 15,
      TransferType: 'time-based',
    });
    await expect(copy(20)).rejects.toMatchObject({ name: 'InvalidParameterValue' });
  });

  /** https://docs.aws.amazon.com/ebs/latest/userguide/ebs-snapshot-lock.html */
  describe('are locked', () => {
    const lock = (id: string, more: Partial<LockSnapshotCommandInput>) =>
      ec2().send(
        new LockSnapshotCommand({ SnapshotId: id, LockMode: 'governance', LockDuration: 30, ...more }),
      );
    const unlock = (id: string) => ec2().send(new UnlockSnapshotCommand({ SnapshotId: id }));
    const state = async (id: string) => {
      const { Snapshots } = await ec2().send(new DescribeLockedSnapshotsCommand({ SnapshotIds: [id] }));
      return Snapshots?.[0]?.LockState;
    };

    it('in governance mode until they are unlocked, and cannot be deleted', async () => {
      const id = await completed(await aSnapshot());
      const locked = await lock(id, { LockDuration: 60 });
      expect(locked).toMatchObject({ LockState: 'governance', LockDuration: 60 });
      await expect(ec2().send(new DeleteSnapshotCommand({ SnapshotId: id }))).rejects.toThrow(/locked/);
      expect(await state(id)).toBe('governance');
      await lock(id, { LockDuration: 30 });
      await unlock(id);
      await ec2().send(new DeleteSnapshotCommand({ SnapshotId: id }));
    });

    it('in compliance mode with time to think again', async () => {
      const id = await completed(await aSnapshot());
      await lock(id, { LockMode: 'compliance', CoolOffPeriod: 72 });
      expect(await state(id)).toBe('compliance-cooloff');
      await unlock(id);
      await ec2().send(new DeleteSnapshotCommand({ SnapshotId: id }));
    });

    it.each<[string, Partial<LockSnapshotCommandInput>]>([
      ['no duration', { LockDuration: undefined }],
      ['both a duration and an end', { ExpirationDate: new Date('2999-01-01') }],
      ['a cool-off in governance mode', { CoolOffPeriod: 1 }],
      ['a cool-off of 73 hours', { LockMode: 'compliance', CoolOffPeriod: 73 }],
      ['101 years', { LockDuration: 36_501 }],
    ])('not with %s', async (_, more) => {
      await expect(lock(snapshotId, more)).rejects.toThrow();
    });
  });

  /** https://docs.aws.amazon.com/ebs/latest/userguide/block-public-access-snapshots.html */
  it('are not made public where that is blocked', async () => {
    const share = () =>
      ec2().send(
        new ModifySnapshotAttributeCommand({
          SnapshotId: snapshotId,
          Attribute: 'createVolumePermission',
          OperationType: 'add',
          GroupNames: ['all'],
        }),
      );
    await ec2().send(new EnableSnapshotBlockPublicAccessCommand({ State: 'block-new-sharing' }));
    await expect(share()).rejects.toMatchObject({ name: 'OperationNotPermitted' });
    expect(await ec2().send(new GetSnapshotBlockPublicAccessStateCommand({}))).toMatchObject({
      State: 'block-new-sharing',
    });
    await ec2().send(new DisableSnapshotBlockPublicAccessCommand({}));
  });
});
