import { DescribeSnapshotsCommand, type Snapshot } from '@aws-sdk/client-ec2';
import type { WorkflowHandle } from '@temporalio/client';
import type { RunBackupResult } from '../../../src/model/backup/run';
import type { EnforceExpiryResult } from '../../../src/model/retention/expiry';
import { FAILURE } from '../../../src/model/failures';
import type { SetLegalHoldResult } from '../../../src/model/retention/hold';
import { scheduleIds } from '../../../src/model/ids';
import { awaitResult } from '../../support/awaitResult';
import { failedResult } from '../../support/failure';
import { aVolume, tagsOf } from '../../support/seed';
import { until } from '../../support/until';
import { aWorld, type World } from '../../support/world';

const DAY = 86_400_000;
const DR = 'eu-west-1';
const FAR = 'ap-southeast-1';

describe('a legal hold, in places that no present policy names', () => {
  let world: World;

  beforeAll(async () => {
    world = await aWorld();
  });
  afterAll(() => world.close());
  beforeEach(() => {
    world.proxy.reset();
    world.clock.offset = 0;
  });

  const policy = (policyName: string, more: object = {}) =>
    world.run('createBackupPolicy', {
      policyName,
      frequency: '4h',
      retention: '30d',
      minKeep: 1,
      rpo: '3000d',
      selector: { tags: { all: { policy: policyName } } },
      ...more,
    });
  const toDr = { copies: [{ toRegion: DR, retention: '1d' }] };
  async function backUp(policyName: string): Promise<void> {
    const { copies } = await world.run<RunBackupResult>('runBackup', { policyName });
    for (const { workflowId } of copies.items) await awaitResult(world.client.workflow.getHandle(workflowId));
  }
  /** Two points with copies, of which the first copy is due. */
  async function copied(policyName: string): Promise<void> {
    await aVolume(world.home, { tags: { policy: policyName } });
    await policy(policyName, toDr);
    await backUp(policyName);
    world.clock.offset = 2 * DAY;
    await backUp(policyName);
  }
  async function found(policyName: string, region?: string): Promise<Snapshot[]> {
    const Filters = [{ Name: 'tag:holdfast:policy', Values: [policyName] }];
    const command = new DescribeSnapshotsCommand({ OwnerIds: ['self'], Filters });
    return (await world.home.ec2(region).send(command)).Snapshots ?? [];
  }
  const held = async (policyName: string, region?: string) =>
    (await found(policyName, region)).filter((each) =>
      Object.keys(tagsOf(each)).some((key) => key.startsWith('holdfast:legal-hold:')),
    ).length;
  const expire = (region: string) =>
    world.run<EnforceExpiryResult>('enforceExpiry', { targets: [{ region }] });
  async function release(handle: WorkflowHandle): Promise<SetLegalHoldResult> {
    for (const by of ['ann', 'bob'])
      await handle.executeUpdate('approve', { args: [{ by, reason: 'case closed' }] });
    return awaitResult<SetLegalHoldResult>(handle);
  }

  it.each<[string, (policyName: string) => Promise<unknown>]>([
    ['the policy is deleted', (policyName) => world.run('deleteBackupPolicy', { policyName })],
    ['the policy copies nowhere any more', (policyName) => policy(policyName)],
    [
      'the policy copies nowhere, and nothing expires there any more',
      async (policyName) => {
        await policy(policyName);
        const place = { accountId: world.home.accountId, region: DR };
        await world.client.schedule.getHandle(scheduleIds.expiry(place)).delete();
      },
    ],
  ])('holds copies and frees them when %s', async (what, happens) => {
    const policyName = what.replace(/\W+/g, '-').slice(0, 40);
    await copied(policyName);
    await happens(policyName);
    const handle = await world.start('setLegalHold', { policyName, reason: 'case 7' });
    await until(async () => (await held(policyName, DR)) === 2);
    expect((await expire(DR)).expired.items).toEqual([]);
    expect(await found(policyName, DR)).toHaveLength(2);
    expect(await release(handle)).toMatchObject({ released: 4, failed: { total: 0 } });
    expect([await held(policyName), await held(policyName, DR)]).toEqual([0, 0]);
    expect((await expire(DR)).expired.total).toBe(1);
  });

  it('holds what it cannot reach yet: expiry itself asks, and goes on asking when it is paused', async () => {
    await copied('unreached');
    world.proxy.fault('CreateTags', { before: { code: 'UnauthorizedOperation', status: 403 } });
    const handle = await world.start('setLegalHold', { policyName: 'unreached', reason: 'case 8' });
    await until(async () => {
      for await (const { memo } of world.client.workflow.list({
        query: `WorkflowId = "${handle.workflowId}"`,
      }))
        if (memo?.hold) return true;
      return false;
    });
    const { expired, keptByReason } = await expire(DR);
    expect(expired.items).toEqual([]);
    expect(keptByReason['legal hold']).toBeGreaterThanOrEqual(1);
    expect([await held('unreached', DR), (await found('unreached', DR)).length]).toEqual([0, 2]);
    await handle.terminate('the test is over');
  });

  it('goes on in the others when a place cannot be reached, and names it, held and released', async () => {
    await copied('partly');
    const place = { accountId: world.home.accountId, region: FAR };
    await policy('far', { copies: [{ toRegion: FAR, retention: '1d' }] });
    world.accounts.accounts[world.home.accountId] = { regions: ['us-east-1', DR] };
    const handle = await world.start('setLegalHold', { policyName: 'partly', reason: 'case 9' });
    await until(async () => (await held('partly')) + (await held('partly', DR)) === 4);
    const failed = await failedResult<SetLegalHoldResult>(release(handle), FAILURE.partialFailure);
    expect(failed).toMatchObject({ released: 4 });
    expect(failed.failed.items).toContainEqual(
      expect.objectContaining({ item: `${place.accountId}/${FAR}`, type: FAILURE.targetNotAllowed }),
    );
    expect([await held('partly'), await held('partly', DR)]).toEqual([0, 0]);
  });
});
