import { CreateVolumeCommand, DescribeSnapshotsCommand } from '@aws-sdk/client-ec2';
import type { RunBackupResult } from '../../../src/model/backup/run';
import type { CopyRecoveryPointsResult } from '../../../src/model/copies/copy';
import { FAILURE } from '../../../src/model/failures';
import { workflowIds } from '../../../src/model/ids';
import type { NormalizedPolicy } from '../../../src/model/policies/policy';
import { HOME_REGION } from '../../support/accounts';
import { awaitResult } from '../../support/awaitResult';
import { AwsServer } from '../../support/awsServer';
import { failedResult } from '../../support/failure';
import { aKey, aVolume, tagsOf } from '../../support/seed';
import { until } from '../../support/until';
import { aWorld, type StartOptions, type World, type WorldOptions } from '../../support/world';

const HOUR = 3_600_000;
const DR = 'eu-west-1';

describe('the queue of copies into a region', () => {
  let aws: AwsServer;
  let world: World;

  async function begin(options: WorldOptions = {}): Promise<void> {
    aws = await AwsServer.start();
    world = await aWorld({ aws: aws.endpoint, ...options });
  }
  afterEach(async () => {
    await world.close();
    aws.stop();
  });

  /** As a Schedule would carry it: the server that skips time has no Schedules. */
  const policy = (policyName: string, rpoMs: number): NormalizedPolicy => ({
    schemaVersion: 1,
    policyName,
    frequencyMs: 4 * HOUR,
    retention: { keep: '30d' },
    timezone: 'UTC',
    selector: { tags: { all: { policy: policyName } } },
    targets: [{ accountId: world.home.accountId, region: HOME_REGION }],
    rpoMs,
    minKeep: 3,
    paused: false,
    copies: [{ toRegion: DR, retention: { keep: '30d' } }],
    hash: policyName,
  });
  async function volumes(policyName: string, count: number, size = 1, more: object = {}): Promise<void> {
    const create = new CreateVolumeCommand({
      AvailabilityZone: 'us-east-1a',
      Size: size,
      VolumeType: 'gp3',
      ...more,
      TagSpecifications: [{ ResourceType: 'volume', Tags: [{ Key: 'policy', Value: policyName }] }],
    });
    await Promise.all(Array.from({ length: count }, () => world.home.ec2().send(create)));
  }
  async function copiesOf(policyName: string, rpoMs = 8 * HOUR, options: StartOptions = {}) {
    const { copies } = await world.run<RunBackupResult>('runBackup', policy(policyName, rpoMs), options);
    return world.client.workflow.getHandle(copies.items[0]?.workflowId ?? '');
  }
  const end = async (policyName: string, rpoMs?: number) =>
    awaitResult<CopyRecoveryPointsResult>(await copiesOf(policyName, rpoMs));
  const queue = () =>
    world.client.workflow.getHandle(workflowIds.copyQueue({ accountId: world.home.accountId, region: DR }));

  it('never has more than twenty under way, and copies what is due sooner first', async () => {
    await begin();
    await volumes('later', 24, 100);
    await volumes('sooner', 3, 100);
    await aws.control.post('limits', { on: true });
    const told = await Promise.all([end('later', 48 * HOUR), end('sooner', 5 * HOUR)]);
    expect(told.map(({ copied }) => copied)).toEqual([24, 3]);
    // Not one call was refused: the queue itself keeps to twenty.
    expect(world.proxy.callsOf('CopySnapshot')).toHaveLength(27);
  });

  it('does not let a copy that takes hours hold up what there is room for', async () => {
    await begin();
    await volumes('slow', 1, 2_000);
    const slow = await copiesOf('slow');
    await until(() => world.proxy.callsOf('CopySnapshot').length === 1);
    await aws.control.post('clock', { speed: 100 });
    await volumes('quick', 1);
    expect(await end('quick')).toMatchObject({ copied: 1 });
    expect((await slow.describe()).status.name).toBe('RUNNING');
    await aws.control.post('clock', { speed: 5000 });
    expect(await awaitResult<CopyRecoveryPointsResult>(slow)).toMatchObject({ copied: 1 });
  });

  it('waits for room where somebody else’s copies fill the region', async () => {
    // That server has no visibility to look for legal holds in.
    await begin({ timeSkipping: true, override: () => ({ openHolds: () => Promise.resolve([]) }) });
    await aVolume(world.home, { tags: { policy: 'full' } });
    const error = { code: 'ResourceLimitExceeded', message: 'Too many snapshot copies in progress' };
    await aws.control.post('faults', { action: 'CopySnapshot', nth: [1, 2, 3], effect: { error } });
    expect(await end('full')).toMatchObject({ copied: 1 });
    expect(world.proxy.callsOf('CopySnapshot')).toHaveLength(4);
  });

  it('gives up at a quota that time does not change, and says which', async () => {
    await begin();
    await volumes('quota', 2);
    const error = { code: 'SnapshotLimitExceeded', message: 'You have reached the limit' };
    await aws.control.post('faults', { action: 'CopySnapshot', effect: { error } });
    const failure = await failedResult<CopyRecoveryPointsResult>(end('quota'), FAILURE.allFailed);
    expect(failure.failed.items).toMatchObject([1, 2].map(() => ({ type: FAILURE.quotaExceeded })));
    expect(failure.failed.items[0]?.message).toContain('the quota “Snapshots per Region”');
    expect(world.proxy.callsOf('CopySnapshot')).toHaveLength(2);
  });

  it('goes on in a new run when its history is long, and forgets nothing', async () => {
    await begin({ suggestContinueAsNewAfter: 20 });
    await volumes('long', 45);
    expect(await end('long')).toMatchObject({ copied: 45 });
    expect(world.proxy.callsOf('CopySnapshot')).toHaveLength(45);
    const { runId } = await queue().describe();
    const { events = [] } = await queue().fetchHistory();
    const begun = events?.[0]?.workflowExecutionStartedEventAttributes;
    expect(begun?.firstExecutionRunId).not.toBe(runId);
  });

  it('gives up on each snapshot once, however many there are and however often it goes on in a new run', async () => {
    await begin({ suggestContinueAsNewAfter: 20 });
    const KmsKeyId = await aKey(world.home);
    await volumes('keyless', 130, 1, { Encrypted: true, KmsKeyId });
    const run = copiesOf('keyless');
    const failure = await failedResult<CopyRecoveryPointsResult>(
      run.then((handle) => awaitResult(handle)),
      FAILURE.allFailed,
    );
    expect(failure).toMatchObject({ copied: 0, failed: { total: 130, truncated: true } });
  });

  it('is started again, and finds what is left, after somebody terminated it', async () => {
    await begin();
    await volumes('lost', 30, 50);
    const copies = await copiesOf('lost', undefined, { limits: { timer: 1_000 } });
    // The first copies take their time.
    await aws.control.post('clock', { speed: 1 });
    await until(() => world.proxy.callsOf('CopySnapshot').length >= 20);
    await queue().terminate('by mistake');
    await aws.control.post('clock', { speed: 5000 });
    expect(await awaitResult<CopyRecoveryPointsResult>(copies)).toMatchObject({ copied: 30 });
    const Filters = [{ Name: 'tag:holdfast:policy', Values: ['lost'] }];
    const { Snapshots = [] } = await world.home.ec2(DR).send(new DescribeSnapshotsCommand({ Filters }));
    const copied = Snapshots.map((copy) => tagsOf(copy)['holdfast:copy-of']);
    expect([copied.length, new Set(copied).size]).toEqual([30, 30]);
  });
});
