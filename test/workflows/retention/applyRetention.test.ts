import { DeleteSnapshotCommand, DescribeSnapshotsCommand, type Snapshot } from '@aws-sdk/client-ec2';
import type { ApplyRetentionResult } from '../../../src/model/retention/applyRetention';
import type { RunBackupResult } from '../../../src/model/backup/run';
import type { EnforceExpiryResult } from '../../../src/model/retention/expiry';
import { FAILURE } from '../../../src/model/failures';
import type { CreateBackupPolicyResult } from '../../../src/model/policies/policy';
import type { PolicyPlan } from '../../../src/model/policies/policyPlan';
import { HOME_REGION } from '../../support/accounts';
import { awaitResult } from '../../support/awaitResult';
import { AwsServer } from '../../support/awsServer';
import { expectFailure, failedResult } from '../../support/failure';
import { aVolume, tagsOf } from '../../support/seed';
import { until } from '../../support/until';
import { aWorld, type World } from '../../support/world';

const HOUR = 3_600_000;
const DR = 'eu-west-1';

describe('shorter terms for points that are there', () => {
  let aws: AwsServer;
  let world: World;

  beforeAll(async () => {
    aws = await AwsServer.start('--speed', 'instant');
    world = await aWorld({ aws: aws.endpoint });
  });
  afterAll(async () => {
    await world.close();
    aws.stop();
  });
  beforeEach(() => world.proxy.reset());

  const policyOf = (policyName: string, retention: object, more: object = {}) => ({
    ...{ policyName, frequency: '4h', retention, minKeep: 1 },
    selector: { tags: { all: { policy: policyName } } },
    ...more,
  });
  const apply = (...policy: Parameters<typeof policyOf>) =>
    world.run<CreateBackupPolicyResult>('createBackupPolicy', policyOf(...policy));

  /** Four points, four hours apart, of which a hundred are to be kept. */
  async function fourPoints(
    policyName: string,
    more: object = {},
    terms: object = { count: 100 },
  ): Promise<void> {
    await aVolume(world.home, { tags: { policy: policyName } });
    await apply(policyName, terms, more);
    for (let run = 0; run < 4; run += 1) {
      world.clock.offset = run * 4 * HOUR;
      const { copies } = await world.run<RunBackupResult>('runBackup', { policyName });
      for (const { workflowId } of copies.items)
        await awaitResult(world.client.workflow.getHandle(workflowId));
      await aws.control.post('clock', { advance: 60 });
    }
  }

  async function found(policyName: string, region = HOME_REGION): Promise<Snapshot[]> {
    const Filters = [{ Name: 'tag:holdfast:policy', Values: [policyName] }];
    const command = new DescribeSnapshotsCommand({ OwnerIds: ['self'], Filters });
    return (await world.home.ec2(region).send(command)).Snapshots ?? [];
  }
  const termsOf = async (policyName: string, region?: string) =>
    (await found(policyName, region)).map((each) => tagsOf(each)['holdfast:retention']);
  const change = (policyName: string, dryRun?: boolean) =>
    world.run<ApplyRetentionResult>('applyRetention', {
      policyName,
      ...(dryRun !== undefined && { dryRun }),
    });
  const expire = (region = HOME_REGION) =>
    world.run<EnforceExpiryResult>('enforceExpiry', {
      targets: [{ accountId: world.home.accountId, region }],
    });

  it('are those of new points alone, and the policy says so', async () => {
    await fourPoints('said');
    const plan = await world.run<PolicyPlan>('planBackupPolicy', policyOf('said', { count: 2 }));
    const { status, remarks } = await apply('said', { count: 2 });
    expect(status).toBe('UPDATED');
    expect(remarks).toEqual([expect.stringMatching(/points that are there keep the terms .*newest 100/)]);
    expect(plan.remarks).toEqual(remarks);
    await expire();
    expect(await found('said')).toHaveLength(4);
    expect((await apply('said', { count: 2 })).remarks).toBeUndefined();
  });

  it('are told before, and change nothing, until somebody wants them', async () => {
    await fourPoints('shorter');
    const before = await termsOf('shorter');
    expect(await change('shorter')).toMatchObject({ changed: 0, goes: 0 });
    await apply('shorter', { count: 2 });
    expect(await change('shorter')).toMatchObject({
      dryRun: true,
      changed: 4,
      goes: 2,
      failed: { total: 0 },
    });
    expect(await termsOf('shorter')).toEqual(before);
    expect(await change('shorter', false)).toMatchObject({ dryRun: false, changed: 4, goes: 2 });
    expect(await found('shorter')).toHaveLength(4);
    await expire();
    expect(await found('shorter')).toHaveLength(2);
    expect(await change('shorter', false)).toMatchObject({ changed: 0, goes: 0 });
  });

  it('never take the last good ones', async () => {
    await fourPoints('last', { minKeep: 3 });
    await apply('last', { keep: '5h' }, { minKeep: 3 });
    world.clock.offset += 3 * HOUR;
    expect(await change('last', false)).toMatchObject({ changed: 4, goes: 1 });
    await expire();
    expect(await found('last')).toHaveLength(3);
  });

  it('are those of the copies where copies are', async () => {
    await fourPoints('copied', { copies: [{ toRegion: DR, retention: { count: 100 } }] });
    await apply('copied', { count: 100 }, { copies: [{ toRegion: DR, retention: { count: 2 } }] });
    const { places, ...result } = await change('copied', false);
    expect(result).toMatchObject({ changed: 4, goes: 2 });
    expect(places.items).toMatchObject([{ target: { region: DR }, changed: 4, goes: 2 }]);
    await expire(DR);
    expect(await found('copied', DR)).toHaveLength(2);
    expect(await found('copied')).toHaveLength(4);
  });

  it('say what could not be changed, and change it at the next time', async () => {
    await fourPoints('denied');
    await apply('denied', { count: 2 });
    world.proxy.fault('CreateTags', { before: { code: 'UnauthorizedOperation', status: 403 } });
    const { failed } = await failedResult<ApplyRetentionResult>(
      change('denied', false),
      FAILURE.partialFailure,
    );
    expect(failed.total).toBe(4);
    world.proxy.reset();
    expect(await change('denied', false)).toMatchObject({ changed: 4, failed: { total: 0 } });
  });

  it('are of a policy that is there', async () => {
    await expectFailure(change('nobody'), FAILURE.policyNotFound);
  });

  it('are what goes by them, with copies that are not there yet', async () => {
    const more = { copies: [{ toRegion: DR, retention: { count: 100 } }] };
    await fourPoints('uncopied', more, { keep: '90d' });
    for (const { SnapshotId } of await found('uncopied', DR))
      await world.home.ec2(DR).send(new DeleteSnapshotCommand({ SnapshotId }));
    await apply('uncopied', { keep: '5h' }, more);
    world.clock.offset += 3 * HOUR;
    const told = await change('uncopied', false);
    expect(told.goes).toBe(0);
    await expire();
    expect(await found('uncopied')).toHaveLength(4);
  });

  it('that are taken back while they are being applied are not applied', async () => {
    await fourPoints('regretted');
    await apply('regretted', { count: 2 });
    world.proxy.fault('CreateTags', { before: { code: 'RequestLimitExceeded', status: 503 } });
    const running = change('regretted', false);
    await until(() => world.proxy.callsOf('CreateTags').length > 0);
    await apply('regretted', { count: 100 });
    world.proxy.reset();
    const { failed } = await failedResult<ApplyRetentionResult>(running, FAILURE.partialFailure);
    expect(failed.items[0]?.message).toContain('was changed or deleted meanwhile');
    await expire();
    expect(await found('regretted')).toHaveLength(4);
  });
});
