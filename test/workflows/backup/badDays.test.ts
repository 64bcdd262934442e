import {
  DeleteVolumeCommand,
  DescribeSnapshotsCommand,
  TerminateInstancesCommand,
  type Snapshot,
} from '@aws-sdk/client-ec2';
import { DisableKeyCommand } from '@aws-sdk/client-kms';
import type { WorkflowHandle } from '@temporalio/client';
import type { BackupTargetResult, RunBackupResult } from '../../../src/model/backup/run';
import { FAILURE } from '../../../src/model/failures';
import { scheduleIds, workflowIds } from '../../../src/model/ids';
import type { NormalizedPolicy } from '../../../src/model/policies/policy';
import { HOME_REGION, type TestAccount } from '../../support/accounts';
import { awaitResult } from '../../support/awaitResult';
import { failedResult } from '../../support/failure';
import { aKey, anInstance, aVolume, tagsOf } from '../../support/seed';
import { aWorld, type World } from '../../support/world';

/** Every one ends alike: each resource is protected once, or reported. */
describe('backups on bad days', () => {
  let world: World;
  let other: TestAccount;

  beforeAll(async () => {
    world = await aWorld({ otherAccounts: 1 });
    [other] = world.others as [TestAccount];
  });
  afterAll(() => world.close());
  beforeEach(() => world.proxy.reset());

  async function aPolicy(policyName: string, more: object = {}): Promise<void> {
    const selector = { tags: { all: { policy: policyName } } };
    const terms = { frequency: '4h', retention: '30d', paused: true, selector, ...more };
    await world.run('createBackupPolicy', { policyName, ...terms });
  }
  const start = (policyName: string) => world.start('runBackup', { policyName });
  const backUp = (policyName: string) => world.run<RunBackupResult>('runBackup', { policyName });
  async function snapshots(policyName: string, account = world.home): Promise<Snapshot[]> {
    const Filters = [{ Name: 'tag:holdfast:policy', Values: [policyName] }];
    const command = new DescribeSnapshotsCommand({ OwnerIds: ['self'], Filters });
    return (await account.ec2().send(command)).Snapshots ?? [];
  }
  const protectedVolumes = async (policyName: string) =>
    (await snapshots(policyName)).map(({ VolumeId }) => VolumeId).sort();
  const completedSnapshots = async (policyName: string) =>
    (await snapshots(policyName)).filter(({ State }) => State === 'completed');
  /** When an action has taken effect, and before its answer arrives, something happens. */
  function meanwhile(action: string, what: () => Promise<unknown>): void {
    world.proxy.fault(action, { held: async () => void (await what()) }, 1);
  }

  it('policies that overlap both run, and each keeps its own points', async () => {
    const volumeId = await aVolume(world.home, { tags: { policy: 'both' } });
    const selector = { tags: { all: { policy: 'both' } } };
    await aPolicy('often', { selector });
    await aPolicy('seldom', { selector, frequency: '1d', retention: '90d' });
    expect(await Promise.all([backUp('often'), backUp('seldom')])).toMatchObject([
      { protected: 1 },
      { protected: 1 },
    ]);
    for (const policyName of ['often', 'seldom']) {
      expect(await protectedVolumes(policyName)).toEqual([volumeId]);
      const [snapshot] = await snapshots(policyName);
      expect(tagsOf(snapshot ?? {})['holdfast:policy']).toBe(policyName);
    }
  });

  it('an account whose role cannot be assumed is named, and the others are protected', async () => {
    const volumeId = await aVolume(world.home, { tags: { policy: 'roles' } });
    await aPolicy('roles');
    const { action } = await world.client.schedule.getHandle(scheduleIds.policy('roles')).describe();
    const [policy] = action.type === 'startWorkflow' ? (action.args as [NormalizedPolicy]) : [];
    const targets = [...(policy?.targets ?? []), { accountId: other.accountId, region: HOME_REGION }];
    world.proxy.fault('AssumeRole', { before: { code: 'AccessDenied', status: 403 } });
    const run = world.run('runBackup', { ...policy, targets });
    const result = await failedResult<RunBackupResult>(run, FAILURE.partialFailure);
    expect(result).toMatchObject({ protected: 1 });
    expect(result.failed.items).toMatchObject([{ item: `${other.accountId}/${HOME_REGION}` }]);
    expect(result.failed.items[0]?.message).toContain('sts:AssumeRole');
    expect(await protectedVolumes('roles')).toEqual([volumeId]);
  });

  it('throttled calls are made again, and make nothing twice', async () => {
    const { volumes } = await anInstance(world.home, { tags: { policy: 'throttled' } });
    await aPolicy('throttled');
    const throttle = { before: { code: 'RequestLimitExceeded', status: 503 } };
    world.proxy.fault('CreateSnapshots', throttle, [1, 2]);
    world.proxy.fault('DescribeSnapshots', throttle, [1, 3]);
    world.proxy.fault('DescribeInstances', throttle, 1);
    expect(await backUp('throttled')).toMatchObject({ protected: 1, failed: { total: 0 } });
    expect(await protectedVolumes('throttled')).toEqual(Object.values(volumes).sort());
  });

  it('a volume that is deleted meanwhile is reported, and the others are protected', async () => {
    const [stays, goes] = [
      await aVolume(world.home, { tags: { policy: 'gone' } }),
      await aVolume(world.home, { tags: { policy: 'gone' } }),
    ];
    await aPolicy('gone');
    meanwhile('DescribeVolumes', () => world.home.ec2().send(new DeleteVolumeCommand({ VolumeId: goes })));
    const result = await failedResult<RunBackupResult>(backUp('gone'), FAILURE.partialFailure);
    expect(result).toMatchObject({ selected: 2, protected: 1 });
    expect(result.failed.items).toMatchObject([{ item: goes }]);
    expect(await protectedVolumes('gone')).toEqual([stays]);
  });

  it('an instance that is terminated meanwhile is reported', async () => {
    const { instanceId } = await anInstance(world.home, { tags: { policy: 'ended' } });
    await aPolicy('ended');
    meanwhile('DescribeInstances', () =>
      world.home.ec2().send(new TerminateInstancesCommand({ InstanceIds: [instanceId] })),
    );
    const result = await failedResult<RunBackupResult>(backUp('ended'), FAILURE.allFailed);
    expect(result.failed.items).toMatchObject([{ item: instanceId }]);
  });

  it('a volume whose key is disabled is reported, with what EBS says of it', async () => {
    const kmsKeyId = await aKey(world.home);
    const volumeId = await aVolume(world.home, { tags: { policy: 'locked-out' }, kmsKeyId });
    const fine = await aVolume(world.home, { tags: { policy: 'locked-out' } });
    await aPolicy('locked-out');
    await world.home.kms().send(new DisableKeyCommand({ KeyId: kmsKeyId }));
    const result = await failedResult<RunBackupResult>(backUp('locked-out'), FAILURE.partialFailure);
    expect(result).toMatchObject({ selected: 2, protected: 1 });
    expect(result.failed.items).toMatchObject([{ item: volumeId }]);
    expect(result.failed.items[0]?.message).toMatch(/KMS|key/i);
    expect((await completedSnapshots('locked-out')).map(({ VolumeId }) => VolumeId)).toEqual([fine]);
  });

  it('a run that is terminated leaves its targets, which protect what they began', async () => {
    const { volumes } = await anInstance(world.home, { tags: { policy: 'orphaned' } });
    await aPolicy('orphaned');
    const parent: { handle?: WorkflowHandle } = {};
    const terminated = new Promise<void>((resolve) => {
      meanwhile('CreateSnapshots', async () => {
        await parent.handle?.terminate('test');
        resolve();
      });
    });
    parent.handle = await start('orphaned');
    await terminated;
    const target = { accountId: world.home.accountId, region: HOME_REGION };
    const child = world.client.workflow.getHandle(workflowIds.backupTarget(parent.handle.workflowId, target));
    expect(await awaitResult<BackupTargetResult>(child)).toMatchObject({ protected: 1, volumes: 2 });
    expect(await protectedVolumes('orphaned')).toEqual(Object.values(volumes).sort());
  });
});
