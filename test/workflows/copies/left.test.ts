import {
  DescribeLockedSnapshotsCommand,
  DescribeSnapshotAttributeCommand,
  DescribeSnapshotsCommand,
  type Snapshot,
} from '@aws-sdk/client-ec2';
import type { RunBackupResult } from '../../../src/model/backup/run';
import type { CopyJob, CopyRecoveryPointsResult } from '../../../src/model/copies/copy';
import type { QueuedJob } from '../../../src/model/copies/copyQueue';
import { FAILURE } from '../../../src/model/failures';
import { workflowIds } from '../../../src/model/ids';
import type { Target } from '../../../src/model/target';
import { HOME_REGION, type TestAccount } from '../../support/accounts';
import { awaitResult } from '../../support/awaitResult';
import { AwsServer } from '../../support/awsServer';
import { failedResult } from '../../support/failure';
import { aKey, aVolume } from '../../support/seed';
import { until } from '../../support/until';
import { aWorld, type StartOptions, type World } from '../../support/world';

const DR = 'eu-west-1';
const LOCK = { mode: 'governance', for: '2000d' };
const DENIED = { before: { code: 'UnauthorizedOperation', status: 403 } };
const AWAY = { before: { code: 'Unavailable', status: 503, message: 'not now' } };

describe('what is left to do of copies', () => {
  let aws: AwsServer;
  let world: World;
  let vault: TestAccount;

  beforeAll(async () => {
    aws = await AwsServer.start();
    world = await aWorld({ aws: aws.endpoint, otherAccounts: 1 });
    [vault] = world.others as [TestAccount];
  });
  afterAll(async () => {
    await world.close();
    aws.stop();
  });
  beforeEach(() => world.proxy.reset());

  async function apply(policyName: string, copy: object): Promise<void> {
    await aVolume(world.home, { tags: { policy: policyName } });
    await world.run('createBackupPolicy', {
      ...{ policyName, frequency: '4h', retention: '3000d', paused: true },
      selector: { tags: { all: { policy: policyName } } },
      copies: [{ toRegion: DR, ...copy }],
    });
  }
  async function copiesOf(policyName: string, options: StartOptions = {}) {
    const { copies } = await world.run<RunBackupResult>('runBackup', { policyName }, options);
    return world.client.workflow.getHandle(copies.items[0]?.workflowId ?? '');
  }
  const queueTo = (target: Target) => world.client.workflow.getHandle(workflowIds.copyQueue(target));
  const home = (region: string): Target => ({ accountId: world.home.accountId, region });
  async function snapshots(policyName: string, region?: string): Promise<Snapshot[]> {
    const Filters = [{ Name: 'tag:holdfast:policy', Values: [policyName] }];
    const command = new DescribeSnapshotsCommand({ OwnerIds: ['self'], Filters });
    return (await world.home.ec2(region).send(command)).Snapshots ?? [];
  }
  async function lockedCopies(policyName: string): Promise<number> {
    const ids = (await snapshots(policyName, DR)).flatMap(({ SnapshotId }) => SnapshotId ?? []);
    const command = new DescribeLockedSnapshotsCommand({ SnapshotIds: ids });
    return (await world.home.ec2(DR).send(command)).Snapshots?.length ?? 0;
  }

  it('whoever may not look at locks is told so, and no other policy waits for it', async () => {
    await apply('looked', { lock: LOCK });
    world.proxy.fault('DescribeLockedSnapshots', DENIED);
    const copies = await copiesOf('looked');
    const { copied, failed } = await failedResult<CopyRecoveryPointsResult>(
      awaitResult(copies),
      FAILURE.partialFailure,
    );
    expect(copied).toBe(1);
    expect(failed).toMatchObject({ total: 1, items: [{ type: FAILURE.accessDenied }] });
    expect((await queueTo(home(DR)).describe()).status.name).toBe('COMPLETED');
  });

  it('a copy is locked although the queue that waited for it was terminated before', async () => {
    await apply('locked', { lock: LOCK });
    world.proxy.fault('LockSnapshot', AWAY);
    const copies = await copiesOf('locked', { limits: { timer: 1_000 } });
    await until(() => world.proxy.callsOf('LockSnapshot').length > 0);
    await queueTo(home(DR)).terminate('by mistake');
    world.proxy.reset();
    expect(await awaitResult<CopyRecoveryPointsResult>(copies)).toMatchObject({ copied: 1 });
    expect(await lockedCopies('locked')).toBe(1);
  });

  it('a snapshot that is pending still is copied once it is complete', async () => {
    await apply('pending', {});
    await aws.control.post('clock', { speed: 1 });
    const run = await world.start('runBackup', { policyName: 'pending' });
    await until(async () => (await snapshots('pending')).length === 1);
    const slotMs = (await run.describe()).startTime.getTime();
    // Its child goes on, and nobody starts copies.
    await run.terminate('out of hand');
    const job: CopyJob = {
      ...{ policyName: 'pending', slotMs, target: home(HOME_REGION), timezone: 'UTC', rpoMs: 1 },
      terms: { toRegion: DR, retention: { keep: '30d' } },
    };
    const queued: QueuedJob = { jobId: 'none', job, copied: 0, failed: [], failedTotal: 0, givenUp: [] };
    const target = home(DR);
    const queue = await world.start(
      'copyQueue',
      { target, jobs: [queued] },
      { workflowId: workflowIds.copyQueue(target), limits: { timer: 200 } },
    );
    const looks = world.proxy.callsOf('DescribeSnapshots').length;
    await until(() => world.proxy.callsOf('DescribeSnapshots').length > looks + 2);
    await aws.control.post('clock', { speed: 5000 });
    expect(await awaitResult(queue)).toEqual({ jobs: 1, copied: 1 });
    expect(await snapshots('pending', DR)).toHaveLength(1);
  });

  it('nothing is shared with a vault any more for a job that was cancelled', async () => {
    await apply('ended', { toAccount: vault.accountId, kmsKeyId: await aKey(vault, DR) });
    world.proxy.fault('CopySnapshot', AWAY);
    const copies = await copiesOf('ended');
    await until(() => world.proxy.callsOf('CopySnapshot').length > 1);
    await copies.cancel();
    await expect(awaitResult(copies)).rejects.toThrow();
    world.proxy.reset();
    await awaitResult(queueTo({ accountId: vault.accountId, region: DR }));
    const [source] = await snapshots('ended');
    const { CreateVolumePermissions = [] } = await world.home.ec2().send(
      new DescribeSnapshotAttributeCommand({
        SnapshotId: source?.SnapshotId,
        Attribute: 'createVolumePermission',
      }),
    );
    expect(CreateVolumePermissions).toEqual([]);
  });
});
