import { CreateTagsCommand, DescribeSnapshotsCommand, type Snapshot } from '@aws-sdk/client-ec2';
import { AwsControl } from '../../../local/measure/control';
import type { RunBackupResult } from '../../../src/model/backup/run';
import { FAILURE } from '../../../src/model/failures';
import { scheduleIds } from '../../../src/model/ids';
import type { ProgressPage } from '../../../src/model/progress';
import { HOME_REGION } from '../../support/accounts';
import { failedResult } from '../../support/failure';
import { anInstance, aVolume, tagsOf } from '../../support/seed';
import { shared } from '../../support/shared';
import { until } from '../../support/until';
import { aWorld, type World } from '../../support/world';

const HOUR = 3_600_000;
const BLOCK = 512 * 1024;

describe('what a run says of its points', () => {
  let world: World;

  beforeAll(async () => {
    world = await aWorld();
  });
  afterAll(() => world.close());
  beforeEach(() => world.proxy.reset());

  async function aPolicy(policyName: string, more: object = {}): Promise<void> {
    const selector = { tags: { all: { policy: policyName } } };
    const terms = { frequency: '12h', retention: '30d', paused: true, ...more };
    await world.run('createBackupPolicy', { policyName, selector, ...terms });
  }
  const backUp = (policyName: string) => world.run<RunBackupResult>('runBackup', { policyName });
  /** The slot that a run by hand comes after. */
  async function backUpSlotBefore(policyName: string): Promise<Date> {
    const slot = Math.floor(Date.now() / (12 * HOUR)) * 12 * HOUR;
    const [start, end] = [new Date(slot - 1000), new Date(slot + 1000)];
    await world.client.schedule.getHandle(scheduleIds.policy(policyName)).backfill({ start, end });
    const done = `WorkflowType = 'runBackup' AND HoldfastPolicy = '${policyName}' AND ExecutionStatus = 'Completed'`;
    await until(async () => (await world.client.workflow.count(done)).count > 0);
    return new Date(slot);
  }
  const write = (volumeId: string, blocks: number[]) =>
    new AwsControl(shared('awsEndpoint')).post('blocks', {
      accountId: world.home.accountId,
      region: HOME_REGION,
      volumeId,
      blocks,
    });
  const compared = () => world.proxy.calls.filter(({ action }) => action === 'ListChangedBlocks').length;

  it('the sizes: all that was ever written, and what has changed since the slot before', async () => {
    const { volumes } = await anInstance(world.home, { tags: { policy: 'sized' } });
    const [root = '', data = ''] = Object.values(volumes);
    await write(root, [0, 1, 2, 3]);
    await aPolicy('sized');
    await backUpSlotBefore('sized');
    await write(root, [3, 4]);
    await write(data, [7]);

    const { sizes, recoveryPoints } = await backUp('sized');
    expect(sizes).toEqual({ snapshots: 2, fullBytes: 6 * BLOCK, compared: 2, changedBytes: 3 * BLOCK });
    expect(recoveryPoints.items[0]).toMatchObject({ fullBytes: 6 * BLOCK });
    expect([...(recoveryPoints.items[0]?.volumeIds ?? [])].sort()).toEqual([data, root].sort());
  });

  it('the full sizes alone where there is nothing to compare with', async () => {
    await anInstance(world.home, { tags: { policy: 'first' }, data: [] });
    await aPolicy('first');
    const { sizes } = await backUp('first');
    expect(sizes).toMatchObject({ snapshots: 1, fullBytes: 8 * 1024 ** 3, compared: 0, changedBytes: 0 });
    expect(sizes).not.toHaveProperty('notCompared');
  });

  it('how old the last good point is of what failed', async () => {
    const [known, unknown] = [
      await aVolume(world.home, { tags: { policy: 'late' } }),
      await aVolume(world.home, { tags: { policy: 'none' } }),
    ];
    await aPolicy('late');
    const slot = await backUpSlotBefore('late');
    const tags = [{ Key: 'policy', Value: 'late' }];
    await world.home.ec2().send(new CreateTagsCommand({ Resources: [unknown], Tags: tags }));
    world.proxy.fault('CreateSnapshot', { before: { code: 'UnauthorizedOperation', status: 403 } });
    const run = await world.start('runBackup', { policyName: 'late' });
    const { failed } = await failedResult<RunBackupResult>(run.result(), FAILURE.allFailed);
    const lastPoints = new Map(failed.items.map(({ item, lastPoint }) => [item, lastPoint]));
    expect(lastPoints).toEqual(
      new Map([
        [known, slot.toISOString()],
        [unknown, undefined],
      ]),
    );
    const { rows } = await run.query<ProgressPage>('progress');
    expect(rows[0]?.note).toContain('no point of the last ten slots');
  });

  it('the permission that is missing to compare, without failing or asking again', async () => {
    await anInstance(world.home, { tags: { policy: 'denied' }, data: [] });
    await aPolicy('denied');
    await backUpSlotBefore('denied');
    world.proxy.reset();
    world.proxy.fault('ListChangedBlocks', { before: { code: 'AccessDeniedException', status: 403 } });
    const { sizes, status } = await backUp('denied');
    expect(status).toBe('COMPLETED');
    expect(sizes).toMatchObject({ snapshots: 1, compared: 0 });
    expect(sizes.notCompared).toContain('allow ebs:ListChangedBlocks');
    expect(compared()).toBe(1);
    expect((await backUp('denied')).sizes.notCompared).toBe(sizes.notCompared);
    expect(compared()).toBe(1);
  });
});

describe('cost tags', () => {
  let world: World;

  beforeAll(async () => {
    world = await aWorld();
  });
  afterAll(() => world.close());

  async function snapshotsIn(region: string): Promise<Snapshot[]> {
    const command = new DescribeSnapshotsCommand({ OwnerIds: ['self'] });
    return (await world.home.ec2(region).send(command)).Snapshots ?? [];
  }

  it('are on every snapshot and copy, before the tags that the resource has', async () => {
    const tags = { policy: 'billed', CostCenter: 'unknown', team: 'orders' };
    await anInstance(world.home, { tags, data: [] });
    await world.run('createBackupPolicy', {
      policyName: 'billed',
      frequency: '12h',
      retention: '30d',
      paused: true,
      selector: { tags: { all: { policy: 'billed' } } },
      costTags: { CostCenter: '4711' },
      copies: [{ toRegion: 'eu-west-1' }],
    });
    await world.run('runBackup', { policyName: 'billed' });
    for (const region of [HOME_REGION, 'eu-west-1']) {
      await until(async () => (await snapshotsIn(region)).length > 0);
      const [snapshot] = await snapshotsIn(region);
      expect(tagsOf(snapshot ?? {})).toMatchObject({ CostCenter: '4711', team: 'orders' });
    }
  });
});
