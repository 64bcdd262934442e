import type { EncryptVolumesResult } from '../../src/model/campaign';
import { FAILURE } from '../../src/model/failures';
import type { ProgressPage } from '../../src/model/progress';
import { awaitResult } from '../support/awaitResult';
import { expectFailure, failedResult } from '../support/failure';
import { MESSAGE, MigrationWorld } from '../support/migration';
import { anInstance, stopped } from '../support/seed';

const REFUSED = { before: { code: 'UnauthorizedOperation', status: 403 } };

describe('encryptVolumes', () => {
  let migrations: MigrationWorld;

  beforeAll(async () => {
    migrations = await MigrationWorld.open();
  });
  afterAll(() => migrations.close());
  beforeEach(() => migrations.world.proxy.reset());

  const encryptedOf = async (ids: string[]): Promise<boolean[]> =>
    Promise.all(
      ids.map(async (id) => (await migrations.stateOf(id)).disks.every(({ encrypted }) => encrypted)),
    );
  const failed = (run: Promise<unknown>, type: string = FAILURE.allFailed) =>
    failedResult<EncryptVolumesResult>(run, type);

  it('waits for approval, and changes nothing when it is rejected', async () => {
    const [instanceId = ''] = await migrations.machines(1);
    const before = await migrations.stateOf(instanceId);
    migrations.world.proxy.reset();
    const handle = await migrations.start({ instanceIds: [instanceId], requireApproval: true });
    await migrations.phase(handle, 'Waiting for approval');
    await expect(handle.executeUpdate('approve', { args: [{ by: 'ann' }] })).rejects.toMatchObject({
      cause: { message: expect.stringContaining('reason') as string },
    });
    await handle.executeUpdate('reject', { args: [MESSAGE] });
    expect(await expectFailure(awaitResult(handle), FAILURE.rejected)).toContain('rejected by ann');
    expect(migrations.world.proxy.mutations()).toEqual([]);
    expect(await migrations.stateOf(instanceId)).toEqual(before);
  });

  it('refuses to cancel what is none of it, also while it waits for approval', async () => {
    const [first = '', second = ''] = await migrations.machines(2);
    const handle = await migrations.start({ instanceIds: [first, second], requireApproval: true });
    await migrations.phase(handle, 'Waiting for approval');
    const typo = `${first.slice(0, -1)}${first.endsWith('0') ? '1' : '0'}`;
    const cancel = (item: string) =>
      handle.executeUpdate('cancelItem', { args: [{ ...MESSAGE, items: [item] }] });
    await expect(cancel(typo)).rejects.toMatchObject({
      cause: { message: `cancelItem: items: not of this campaign: ${typo} (did you mean ${first}?)` },
    });
    await cancel(first);
    await handle.executeUpdate('approve', { args: [MESSAGE] });
    await awaitResult(handle).catch(() => undefined);
    expect(await encryptedOf([first, second])).toEqual([false, true]);
  });

  it('goes on when it is approved, by signal as well', async () => {
    const ids = await migrations.machines(1);
    const handle = await migrations.start({ instanceIds: ids, requireApproval: true });
    await migrations.phase(handle, 'Waiting for approval');
    await handle.signal('approve', MESSAGE);
    await awaitResult(handle);
    expect(await encryptedOf(ids)).toEqual([true]);
  });

  it('migrates several machines at once, but no more than asked', async () => {
    const ids = await migrations.machines(3);
    let down = 0;
    let most = 0;
    migrations.world.proxy.fault('StopInstances', {
      held: () => {
        most = Math.max(most, (down += 1));
        return Promise.resolve();
      },
    });
    migrations.world.proxy.fault('StartInstances', {
      held: () => {
        down -= 1;
        return Promise.resolve();
      },
    });
    await migrations.encrypt({ instanceIds: ids, concurrency: 2 });
    expect(await encryptedOf(ids)).toEqual([true, true, true]);
    expect(most).toBeLessThanOrEqual(2);
  });

  it('starts no further machine while it is paused, and none that is cancelled', async () => {
    const ids = await migrations.machines(3);
    const [first = '', second = '', third = ''] = ids;
    const campaign = await migrations.startAnd(
      { instanceIds: ids, concurrency: 1 },
      'StopInstances',
      async (handle) => {
        await handle.executeUpdate('pause', { args: [MESSAGE] });
        await handle.executeUpdate('cancelItem', { args: [{ ...MESSAGE, items: [second] }] });
      },
    );
    await migrations.phase(migrations.machine(first), 'Soaking');
    expect(migrations.world.proxy.callsOf('StopInstances')).toHaveLength(1);
    await campaign.executeUpdate('resume', { args: [MESSAGE] });
    const result = await failed(awaitResult(campaign), FAILURE.partialFailure);
    expect(result).toMatchObject({ encrypted: { total: 2 }, skipped: { items: [{ item: second }] } });
    expect(await encryptedOf([first, second, third])).toEqual([true, false, true]);
  });

  it('stops starting machines after maxFailures', async () => {
    const ids = await migrations.machines(2);
    migrations.world.proxy.fault('StopInstances', REFUSED);
    const result = await failed(migrations.encrypt({ instanceIds: ids, concurrency: 1 }));
    expect(result).toMatchObject({ rolledBack: { total: 1 }, skipped: { total: 1 } });
    expect(result.skipped.items[0]?.reasons[0]).toContain('maxFailures is 1');
  });

  it('counts the downtime of a machine that was rolled back', async () => {
    const [instanceId = ''] = await migrations.machines(1);
    migrations.world.proxy.fault('AttachVolume', REFUSED, 1);
    const result = await failed(migrations.encrypt({ instanceIds: [instanceId], concurrency: 1 }));
    expect(result).toMatchObject({ rolledBack: { total: 1 } });
    expect(result.summary).toMatch(new RegExp(`longest downtime [1-9].*, of ${instanceId}, which is not\\)`));
  });

  it('promises no commit by itself for a machine that was stopped', async () => {
    const [first = '', second = ''] = await migrations.machines(2);
    await stopped(migrations.world.home, second);
    const campaign = await migrations.start({ instanceIds: [first, second], soak: '7d' });
    await migrations.phase(migrations.machine(second), 'Soaking');
    await awaitResult(campaign);
    const { rows } = await campaign.query<ProgressPage>('progress');
    const rowOf = (id: string) => rows.find(({ item }) => item === id);
    expect(rowOf(first)?.facts?.soakUntil).toMatch(/Z$/);
    expect(rowOf(second)?.facts?.soakUntil).toBeUndefined();
    expect(rowOf(second)?.note).not.toMatch(/\d{4}-\d\d-\d\dT/);
  });

  it('asks its machines to undo when it is cancelled', async () => {
    const [instanceId = ''] = await migrations.machines(1);
    const before = await migrations.stateOf(instanceId);
    const input = { instanceIds: [instanceId], strategy: 'direct' };
    const campaign = await migrations.startAnd(input, 'CreateVolume', (handle) => handle.cancel());
    await expect(awaitResult(campaign)).rejects.toThrow(/[Cc]ancel/);
    await expect(awaitResult(migrations.machine(instanceId))).rejects.toThrow(/[Cc]ancel/);
    expect(await migrations.stateOf(instanceId)).toEqual(before);
  });

  it('leaves its machines to finish when it is terminated', async () => {
    const [instanceId = ''] = await migrations.machines(1);
    const input = { instanceIds: [instanceId] };
    await migrations.startAnd(input, 'DetachVolume', (handle) => handle.terminate('test'));
    await migrations.phase(migrations.machine(instanceId), 'Soaking');
    expect(await encryptedOf([instanceId])).toEqual([true]);
  });

  it('plans without touching anything when it is a dry run', async () => {
    const { instanceId } = await anInstance(migrations.world.home, { tags: { team: 'dry' } });
    migrations.world.proxy.reset();
    const selector = { tags: { all: { team: 'dry' } } };
    const result = await migrations.encrypt({ selector, dryRun: true });
    const [plan] = result.plan?.items ?? [];
    expect(plan).toMatchObject({ instanceId, wasRunning: true, strategy: { asked: 'auto', name: 'clone' } });
    expect(plan?.disks.map(({ device }) => device).sort()).toEqual(['/dev/sdf', '/dev/xvda']);
    expect(migrations.world.proxy.mutations()).toEqual([]);
  });

  it('has nothing to do for a machine that is encrypted', async () => {
    const [instanceId = ''] = await migrations.machines(1);
    await migrations.encrypt({ instanceIds: [instanceId] });
    expect(await migrations.encrypt({ instanceIds: [instanceId] })).toMatchObject({
      encrypted: { total: 0 },
      skipped: { total: 1 },
    });
  });

  it('does not stop a machine whose public IPv4 would change, and says what to do', async () => {
    const { instanceId } = await anInstance(migrations.world.home, { publicIp: true });
    migrations.world.proxy.reset();
    const result = await failed(migrations.encrypt({ instanceIds: [instanceId] }));
    expect(result.skipped.items[0]?.reasons).toEqual([
      expect.stringContaining('associate an Elastic IP first'),
    ]);
    expect(migrations.world.proxy.mutations()).toEqual([]);
  });

  it('names the workflow that holds a machine already', async () => {
    const ids = await migrations.machines(2);
    const [busy = '', free = ''] = ids;
    let second: Promise<EncryptVolumesResult> | undefined;
    const overlapped = migrations.meanwhile('StopInstances', async () => {
      second = failed(migrations.encrypt({ instanceIds: [busy, free] }), FAILURE.partialFailure);
      await second;
    });
    await migrations.encrypt({ instanceIds: [busy] });
    await overlapped;
    const result = await second;
    expect(result).toMatchObject({ encrypted: { items: [{ instanceId: free }] }, skipped: { total: 1 } });
    expect(result?.skipped.items[0]?.reasons[0]).toContain(migrations.machine(busy).workflowId);
  });

  it.each<[string, object]>([
    ['instanceIds', {}],
    ['instanceIds', { instanceIds: ['i-0123456789abcdef0'], volumeIds: ['vol-0123456789abcdef0'] }],
    ['instanceIds', { instanceIds: ['web-1'] }],
    ['concurrency', { instanceIds: ['i-0123456789abcdef0'], concurrency: 0 }],
    ['maxDowntime', { instanceIds: ['i-0123456789abcdef0'], maxDowntime: 'short' }],
    ['strategy', { instanceIds: ['i-0123456789abcdef0'], strategy: 'magic' }],
    ['rekey', { instanceIds: ['i-0123456789abcdef0'], rekey: 'yes' }],
    ['window', { instanceIds: ['i-0123456789abcdef0'], window: {} }],
  ])('refuses bad %s without an AWS call', async (field, input) => {
    expect(await expectFailure(migrations.encrypt(input), FAILURE.invalidInput)).toContain(field);
    expect(migrations.world.proxy.calls).toEqual([]);
  });

  it.each<[string, object, string]>([
    ['an unknown instance', { instanceIds: ['i-0123456789abcdef0'] }, FAILURE.notFound],
    [
      'a key alias that does not exist',
      { instanceIds: ['i-0123456789abcdef0'], kmsKeyId: 'alias/nope' },
      FAILURE.keyUnusable,
    ],
    [
      'a selector that matches nothing',
      { selector: { tags: { all: { no: 'thing' } } } },
      FAILURE.nothingSelected,
    ],
  ])('fails on %s before any change', async (_, input, type) => {
    await expectFailure(migrations.encrypt(input), type);
    expect(migrations.world.proxy.mutations()).toEqual([]);
  });
});
