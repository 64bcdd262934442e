import {
  DescribeLockedSnapshotsCommand,
  DescribeSnapshotAttributeCommand,
  DescribeSnapshotsCommand,
  type Snapshot,
} from '@aws-sdk/client-ec2';
import { ListGrantsCommand } from '@aws-sdk/client-kms';
import type { RunBackupResult } from '../../../src/model/backup/run';
import type { CopyRecoveryPointsResult } from '../../../src/model/copies/copy';
import { FAILURE } from '../../../src/model/failures';
import { scheduleIds } from '../../../src/model/ids';
import type { TestAccount } from '../../support/accounts';
import { awaitResult } from '../../support/awaitResult';
import { expectFailure, failedResult } from '../../support/failure';
import { aKey, anInstance, aVolume, tagsOf } from '../../support/seed';
import { until } from '../../support/until';
import { aWorld, type World } from '../../support/world';

const DR = 'eu-west-1';
/** The local AWS is fast: a lock of days would be over between two calls. */
const LOCK = { mode: 'governance', for: '2000d' };

describe('copies into the vault of another account', () => {
  let world: World;
  let vault: TestAccount;

  beforeAll(async () => {
    world = await aWorld({ otherAccounts: 1 });
    [vault] = world.others as [TestAccount];
  });
  afterAll(() => world.close());
  beforeEach(() => world.proxy.reset());

  async function protect(policyName: string, copy: object, more: object = {}): Promise<void> {
    await world.run('createBackupPolicy', {
      policyName,
      frequency: '4h',
      retention: '3000d',
      paused: true,
      selector: { tags: { all: { policy: policyName } } },
      copies: [{ toAccount: vault.accountId, toRegion: DR, lock: LOCK, ...copy }],
      ...more,
    });
  }
  async function copies(policyName: string) {
    const run = await world.run<RunBackupResult>('runBackup', { policyName });
    return world.client.workflow.getHandle(run.copies.items[0]?.workflowId ?? '');
  }
  const copied = async (policyName: string) =>
    awaitResult<CopyRecoveryPointsResult>(await copies(policyName));
  async function snapshots(policyName: string, account: TestAccount, region?: string): Promise<Snapshot[]> {
    const Filters = [{ Name: 'tag:holdfast:policy', Values: [policyName] }];
    const command = new DescribeSnapshotsCommand({ OwnerIds: ['self'], Filters });
    return (await account.ec2(region).send(command)).Snapshots ?? [];
  }

  it('are under its key, marked and locked there, and nothing stays shared', async () => {
    const [sourceKey, vaultKey] = [await aKey(world.home), await aKey(vault, DR)];
    const { instanceId } = await anInstance(world.home, {
      tags: { policy: 'vaulted' },
      root: { kmsKeyId: sourceKey },
    });
    await protect('vaulted', { kmsKeyId: vaultKey, retention: '2500d' });
    expect(await copied('vaulted')).toMatchObject({ copied: 2, toAccount: vault.accountId, toRegion: DR });

    const [sources, there] = [await snapshots('vaulted', world.home), await snapshots('vaulted', vault, DR)];
    expect(there).toHaveLength(2);
    for (const copy of there) {
      expect(copy).toMatchObject({ State: 'completed', Encrypted: true, OwnerId: vault.accountId });
      expect(copy.KmsKeyId).toContain(vaultKey);
      expect(tagsOf(copy)).toMatchObject({
        'holdfast:source-instance': instanceId,
        'holdfast:source-target': `${world.home.accountId}/us-east-1`,
      });
      expect(sources.map(({ SnapshotId }) => SnapshotId)).toContain(tagsOf(copy)['holdfast:copy-of']);
    }
    const { Snapshots: locked = [] } = await vault.ec2(DR).send(new DescribeLockedSnapshotsCommand({}));
    expect(locked.map(({ SnapshotId }) => SnapshotId).sort()).toEqual(
      there.map(({ SnapshotId }) => SnapshotId).sort(),
    );
    for (const { SnapshotId, Tags } of sources) {
      expect(tagsOf({ Tags })['holdfast:copies']).toBe(`${vault.accountId}/${DR}`);
      const { CreateVolumePermissions } = await world.home
        .ec2()
        .send(new DescribeSnapshotAttributeCommand({ SnapshotId, Attribute: 'createVolumePermission' }));
      expect(CreateVolumePermissions ?? []).toEqual([]);
    }
    const { Grants = [] } = await world.home.kms().send(new ListGrantsCommand({ KeyId: sourceKey }));
    expect(Grants.filter(({ Name }) => Name?.startsWith('holdfast/'))).toEqual([]);
    // What expires there expires by its own tags, also when this policy is gone.
    await world.client.schedule
      .getHandle(scheduleIds.expiry({ accountId: vault.accountId, region: DR }))
      .describe();
  });

  it('are made once, also when an answer is lost', async () => {
    await aVolume(world.home, { tags: { policy: 'lost' } });
    await protect('lost', { kmsKeyId: await aKey(vault, DR) });
    world.proxy.fault('CopySnapshot', { after: 'lose the response' }, 1);
    world.proxy.fault('ModifySnapshotAttribute', { after: 'lose the response' }, 1);
    expect(await copied('lost')).toMatchObject({ copied: 1 });
    expect(await snapshots('lost', vault, DR)).toHaveLength(1);
  });

  it('take back what they shared when they are cancelled', async () => {
    await aVolume(world.home, { tags: { policy: 'cancelled' } });
    await protect('cancelled', { kmsKeyId: await aKey(vault, DR) });
    world.proxy.fault('CopySnapshot', {
      before: { status: 503, code: 'Unavailable', message: 'not now' },
    });
    const handle = await copies('cancelled');
    await until(() => world.proxy.callsOf('CopySnapshot').length > 1);
    await handle.cancel();
    await expect(awaitResult(handle)).rejects.toThrow();
    world.proxy.reset();
    const [source] = await snapshots('cancelled', world.home);
    const { CreateVolumePermissions } = await world.home.ec2().send(
      new DescribeSnapshotAttributeCommand({
        SnapshotId: source?.SnapshotId,
        Attribute: 'createVolumePermission',
      }),
    );
    expect(CreateVolumePermissions ?? []).toEqual([]);
  });

  it('say which snapshot cannot be shared, and why', async () => {
    await aVolume(world.home, { tags: { policy: 'unshareable' }, kmsKeyId: 'alias/aws/ebs' });
    await protect('unshareable', { kmsKeyId: await aKey(vault, DR) });
    const failure = await failedResult<CopyRecoveryPointsResult>(copied('unshareable'), FAILURE.allFailed);
    expect(failure.failed.items[0]).toMatchObject({ item: expect.stringMatching(/^snap-/) as string });
    expect(failure.failed.items[0]?.message).toMatch(/cannot be shared/);
  });

  describe('are refused, before anything is made,', () => {
    const refused = (copy: object, more: object = {}, type: string = FAILURE.invalidInput) =>
      expectFailure(protect('bad', copy, more), type);

    it('without a key of the vault', async () => {
      expect(await refused({})).toContain('copies[0].kmsKeyId: name a key of the vault account');
    });
    it('under a key that is not there', async () => {
      await refused({ kmsKeyId: 'alias/none' }, {}, FAILURE.keyUnusable);
    });
    it('into a target of the policy itself', async () => {
      const copy = { toAccount: world.home.accountId, kmsKeyId: 'alias/any' };
      expect(await refused(copy)).toContain('a vault is another account');
    });
    it('when the retention has no age to lock by, and nobody says how long', async () => {
      const copy = { kmsKeyId: 'alias/any', lock: undefined };
      expect(await refused(copy, { retention: { count: 10 } })).toContain('say how long');
    });
    it('when their rpo leaves no time to copy', async () => {
      const copy = { kmsKeyId: 'alias/any', rpo: '4h' };
      expect(await refused(copy)).toContain('rpo: cannot be met: 4 h between runs');
    });
    it('into a region that the residency forbids', async () => {
      const copy = { kmsKeyId: 'alias/any' };
      const residency = { allow: ['us-east-1'] };
      expect(await refused(copy, { residency })).toContain(`residency does not allow ${DR}`);
    });
  });

  it('never leave the regions that a point allows, whoever asks', async () => {
    await aVolume(world.home, { tags: { policy: 'resident' } });
    const policy = {
      policyName: 'resident',
      frequency: '4h',
      retention: '30d',
      paused: true,
      selector: { tags: { all: { policy: 'resident' } } },
      residency: { forbid: [DR] },
    };
    await world.run('createBackupPolicy', policy);
    const { slot } = await world.run<RunBackupResult>('runBackup', { policyName: 'resident' });
    const job = {
      policyName: 'resident',
      slotMs: Date.parse(slot),
      target: { accountId: world.home.accountId, region: 'us-east-1' },
      terms: { toRegion: DR, retention: { keep: '30d' } },
      timezone: 'UTC',
      rpoMs: 1,
    };
    const failure = await failedResult<CopyRecoveryPointsResult>(
      world.run('copyRecoveryPoints', job),
      FAILURE.allFailed,
    );
    expect(failure.failed.items[0]?.message).toContain(`does not allow ${DR}`);
    expect(world.proxy.callsOf('CopySnapshot')).toHaveLength(0);
  });
});
