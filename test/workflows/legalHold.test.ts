import { DescribeLockedSnapshotsCommand, DescribeSnapshotsCommand, type Snapshot } from '@aws-sdk/client-ec2';
import type { WorkflowHandle } from '@temporalio/client';
import { MockActivityEnvironment } from '@temporalio/testing';
import { createActivities } from '../../src/activities';
import type { RunBackupResult } from '../../src/model/backup';
import type { EnforceExpiryResult } from '../../src/model/expiry';
import type { SetLegalHoldResult } from '../../src/model/hold';
import { workflowIds } from '../../src/model/ids';
import { awaitResult } from '../support/awaitResult';
import { inPhase } from '../support/phase';
import { anInstance, aVolume, tagsOf } from '../support/seed';
import { until } from '../support/until';
import { aWorld, type World } from '../support/world';

const DAY = 86_400_000;
const DR = 'eu-west-1';

describe('points that stay whatever their retention says', () => {
  let world: World;

  beforeAll(async () => {
    world = await aWorld();
  });
  afterAll(() => world.close());
  afterEach(() => (world.clock.offset = 0));

  async function policy(policyName: string, more: object = {}): Promise<void> {
    const selector = { tags: { all: { policy: policyName } } };
    const terms = { policyName, frequency: '4h', retention: '1d', minKeep: 1, selector };
    await world.run('createBackupPolicy', { ...terms, ...more });
  }
  const backUp = (policyName: string) => world.run<RunBackupResult>('runBackup', { policyName });

  /** Two points, of which the first has expired. */
  async function twoPoints(policyName: string): Promise<void> {
    await backUp(policyName);
    world.clock.offset = 2 * DAY;
    await backUp(policyName);
  }

  async function snapshotsOf(policyName: string, region?: string): Promise<Snapshot[]> {
    const Filters = [{ Name: 'tag:holdfast:policy', Values: [policyName] }];
    const { Snapshots = [] } = await world.home
      .ec2(region)
      .send(new DescribeSnapshotsCommand({ OwnerIds: ['self'], Filters }));
    return Snapshots;
  }
  const isMarked = (snapshot: Snapshot) =>
    Object.keys(tagsOf(snapshot)).some((key) => key.startsWith('holdfast:legal-hold:'));
  const held = async (policyName: string, region?: string) =>
    (await snapshotsOf(policyName, region)).filter(isMarked).length;

  async function expired(policyName: string): Promise<number> {
    const before = (await snapshotsOf(policyName)).length;
    await world.run<EnforceExpiryResult>('enforceExpiry', {});
    return before - (await snapshotsOf(policyName)).length;
  }

  async function hold(input: object): Promise<WorkflowHandle> {
    return world.start('setLegalHold', { reason: 'case 7', ...input });
  }
  const approve = (handle: WorkflowHandle, by: string) =>
    handle.executeUpdate('approve', { args: [{ by, reason: 'case closed' }] });

  it('a hold on a policy keeps all of its points, and two different people release it', async () => {
    await anInstance(world.home, { tags: { policy: 'sued' } });
    await policy('sued');
    await twoPoints('sued');
    const handle = await hold({ policyName: 'sued' });
    await until(async () => (await held('sued')) === 4);
    expect(await expired('sued')).toBe(0);

    await approve(handle, 'ann');
    await expect(approve(handle, 'ann')).rejects.toMatchObject({
      cause: { message: expect.stringContaining('ann has approved already') as unknown },
    });
    for (const sameAgain of ['Ann', ' ann ', 'ａｎｎ'])
      await expect(approve(handle, sameAgain)).rejects.toMatchObject({
        cause: { message: expect.stringContaining('has approved already') as unknown },
      });
    expect((await handle.describe()).status.name).toBe('RUNNING');
    await approve(handle, 'bob');
    const result = await awaitResult<SetLegalHoldResult>(handle);
    expect(result).toMatchObject({ policyName: 'sued', released: 4, failed: { total: 0 } });
    expect(result.approvedBy.map(({ by }) => by)).toEqual(['ann', 'bob']);
    expect(await held('sued')).toBe(0);
    expect(await expired('sued')).toBe(2);
  });

  it('points of a held policy are held from the start, and so are their copies', async () => {
    await aVolume(world.home, { tags: { policy: 'copied' } });
    await policy('copied', { copies: [{ toRegion: DR }] });
    await backUp('copied');
    const handle = await hold({ policyName: 'copied' });
    await until(async () => (await held('copied')) === 1);
    await until(async () => {
      const [memo] = [(await handle.describe()).memo];
      return memo?.hold !== undefined;
    });
    const { copies } = await backUp('copied');
    const isNewHeld = (await snapshotsOf('copied')).every(isMarked);
    expect(isNewHeld).toBe(true);
    await awaitResult(world.client.workflow.getHandle(copies.items[0]?.workflowId ?? ''));
    await until(async () => (await held('copied', DR)) >= 1);
    await handle.terminate('the test is over');
  });

  it('a hold that somebody terminates leaves its marks, and is taken over by the same one', async () => {
    await aVolume(world.home, { tags: { policy: 'left' } });
    await policy('left');
    await twoPoints('left');
    const first = await hold({ policyName: 'left' });
    await until(async () => (await held('left')) === 2);
    await first.terminate('oops');
    expect(await expired('left')).toBe(0);
    const second = await hold({ policyName: 'left' });
    await approve(second, 'ann');
    await approve(second, 'bob');
    await awaitResult(second);
    expect(await held('left')).toBe(0);
  });

  it('two holds are released one by one, and a rejection takes approvals back', async () => {
    const volumeId = await aVolume(world.home, { tags: { policy: 'twice' } });
    await policy('twice');
    await backUp('twice');
    const byVolume = await hold({ lineage: volumeId });
    const [snapshot] = await snapshotsOf('twice');
    const byPoint = await hold({ recoveryPointId: tagsOf(snapshot ?? {})['holdfast:recovery-point'] });
    const marks = async () => {
      const [now] = await snapshotsOf('twice');
      return Object.keys(tagsOf(now ?? {})).filter((key) => key.startsWith('holdfast:legal-hold:')).length;
    };
    await until(async () => (await marks()) === 2);
    await approve(byVolume, 'ann');
    await byVolume.executeUpdate('reject', { args: [{ by: 'eve', reason: 'not yet' }] });
    await approve(byVolume, 'bob');
    expect((await byVolume.describe()).status.name).toBe('RUNNING');
    await approve(byVolume, 'ann');
    await awaitResult(byVolume);
    expect(await marks()).toBe(1);
    for (const by of ['ann', 'bob']) await approve(byPoint, by);
    await awaitResult(byPoint);
    expect(await marks()).toBe(0);
  });

  it('a policy may ask for the hold itself, and must stop asking before it is released', async () => {
    await aVolume(world.home, { tags: { policy: 'archive' } });
    await policy('archive', { legalHold: 'kept by law' });
    const handle = world.client.workflow.getHandle(workflowIds.policyHold('archive'));
    await backUp('archive');
    expect(await held('archive')).toBe(1);
    for (const by of ['ann', 'bob']) await approve(handle, by);
    await inPhase(handle, 'On hold');
    expect(await held('archive')).toBe(1);
    await policy('archive');
    for (const by of ['ann', 'bob']) await approve(handle, by);
    await awaitResult(handle);
    expect(await held('archive')).toBe(0);
  });

  it('locks every completed snapshot and copy until its time, once', async () => {
    const volumeId = await aVolume(world.home, { tags: { policy: 'locked' } });
    expect(volumeId).toBeTruthy();
    const lock = { mode: 'compliance', coolOff: '2h' };
    const copies = [{ toRegion: DR, retention: '3000d', lock: { mode: 'governance', for: '2000d' } }];
    await policy('locked', { retention: '2000d', lock, copies });
    world.proxy.reset();
    const { copies: started } = await backUp('locked');
    await awaitResult(world.client.workflow.getHandle(started.items[0]?.workflowId ?? ''));
    const calls = world.proxy.callsOf('LockSnapshot');
    expect(calls).toHaveLength(2);
    const [snapshot] = await snapshotsOf('locked');
    const SnapshotIds = [snapshot?.SnapshotId ?? ''];
    const { Snapshots = [] } = await world.home
      .ec2()
      .send(new DescribeLockedSnapshotsCommand({ SnapshotIds }));
    expect(Snapshots).toMatchObject([
      { CoolOffPeriod: 2, LockState: expect.stringMatching(/^compliance/) as unknown },
    ]);
    const target = { accountId: world.home.accountId, region: 'us-east-1' };
    const request = { target, snapshotIds: SnapshotIds, timezone: 'UTC' };
    const activities = createActivities(world.deps);
    const same = { mode: 'compliance', for: '2000d' } as const;
    const lockAgain = () => activities.lockSnapshots({ ...request, lock: same });
    await new MockActivityEnvironment().run(lockAgain);
    expect(world.proxy.callsOf('LockSnapshot')).toHaveLength(2);
    world.clock.offset = 2001 * DAY;
    await backUp('locked');
    const { kept } = await world.run<EnforceExpiryResult>('enforceExpiry', { dryRun: true });
    const id = tagsOf(snapshot ?? {})['holdfast:recovery-point'];
    expect(kept.items).toContainEqual(expect.objectContaining({ recoveryPointId: id, reason: 'locked' }));
  });

  it('says of a point that could not be locked that it is not safe', async () => {
    await aVolume(world.home, { tags: { policy: 'unlocked' } });
    await policy('unlocked', { retention: '2000d', lock: { mode: 'governance' } });
    world.proxy.fault('LockSnapshot', { before: { code: 'UnauthorizedOperation', status: 403 } });
    const failure = await backUp('unlocked').catch((error: unknown) => error);
    expect(JSON.stringify(failure)).toContain('ec2:LockSnapshot');
    world.proxy.reset();
  });
});
