import type { WorkflowHandle } from '@temporalio/client';
import type { EncryptVolumesResult } from '../../../../src/model/encryption/campaign/campaign';
import { FAILURE } from '../../../../src/model/failures';
import type { ProgressPage } from '../../../../src/model/progress';
import { awaitResult } from '../../../support/awaitResult';
import { expectFailure, failedResult } from '../../../support/failure';
import { MESSAGE, MigrationWorld } from '../../../support/migration';

const REFUSED = { before: { code: 'UnauthorizedOperation', status: 403 } };

describe('the waves of encryptVolumes', () => {
  let migrations: MigrationWorld;

  beforeAll(async () => {
    migrations = await MigrationWorld.open();
  });
  afterAll(() => migrations.close());
  beforeEach(() => migrations.world.proxy.reset());

  const begunAt = async (instanceId: string): Promise<number> =>
    (await migrations.machine(instanceId).describe()).startTime.getTime();
  const progress = (campaign: WorkflowHandle) => campaign.query<ProgressPage>('progress');
  const statesOf = async (campaign: WorkflowHandle) =>
    Object.fromEntries((await progress(campaign)).rows.map(({ item, state }) => [item, state]));
  const partly = (campaign: WorkflowHandle) =>
    failedResult<EncryptVolumesResult>(awaitResult(campaign), FAILURE.partialFailure);

  it('begin when the one before has passed, with so many at a time within each', async () => {
    const ids = await migrations.machines(3);
    const [canary = '', ...others] = ids;
    let canaryPassed = 0;
    migrations.world.proxy.fault(
      'StartInstances',
      {
        held: () => Promise.resolve(void (canaryPassed = Date.now())),
      },
      1,
    );
    const campaign = await migrations.start({ instanceIds: ids, concurrency: 3, waves: [1, 'rest'] });
    const result = await awaitResult<EncryptVolumesResult>(campaign);
    expect(result.encrypted.total).toBe(3);
    const [first] = result.encrypted.items;
    expect(first).toMatchObject({ instanceId: canary });
    const begun = await Promise.all(others.map(begunAt));
    for (const at of begun) expect(at).toBeGreaterThan(canaryPassed);
    const { rows } = await progress(campaign);
    expect(rows.find(({ item }) => item === canary)).toMatchObject({
      state: 'encrypted',
      facts: { downtimeMs: first && 'downtimeMs' in first ? first.downtimeMs : 'none' },
    });
  });

  it('wait for approval, each for its own', async () => {
    const ids = await migrations.machines(3);
    const [first = '', second = '', third = ''] = ids;
    const waves = { sizes: [1, 1, 'rest'], approveEach: true };
    const campaign = await migrations.start({ instanceIds: ids, waves });
    await migrations.phase(campaign, 'Waiting for approval');
    expect(await statesOf(campaign)).toEqual({
      [first]: 'encrypted',
      [second]: 'planned',
      [third]: 'planned',
    });
    expect((await progress(campaign)).waitsFor).toContain('Wave 2 of 3, 1 machine, waits for `approve`');
    await campaign.executeUpdate('approve', { args: [MESSAGE] });
    // Said once more it is no answer to the question after it.
    await campaign.executeUpdate('approve', { args: [MESSAGE] });
    await migrations.phase(migrations.machine(second), 'Soaking');
    await migrations.phase(campaign, 'Waiting for approval');
    expect(await statesOf(campaign)).toMatchObject({ [second]: 'encrypted', [third]: 'planned' });
    await campaign.executeUpdate('reject', { args: [{ by: 'bob', reason: 'slow' }] });
    expect(await partly(campaign)).toMatchObject({
      encrypted: { total: 2 },
      skipped: {
        items: [{ item: third, reasons: ['not started: wave 3 of 3 was rejected by bob: slow'] }],
      },
    });
  });

  it('take no answer before they ask', async () => {
    const ids = await migrations.machines(2);
    const campaign = await migrations.startAnd(
      { instanceIds: ids, waves: [1, 'rest'] },
      'StopInstances',
      (run) =>
        expect(run.executeUpdate('approve', { args: [MESSAGE] })).rejects.toMatchObject({
          cause: { message: expect.stringContaining('nothing waits for approval now') as string },
        }),
    );
    await awaitResult(campaign);
  });

  it('ask a person after a failure that maxFailures allows, and pause', async () => {
    const ids = await migrations.machines(2);
    const [failing = '', other = ''] = ids;
    migrations.world.proxy.fault('StopInstances', REFUSED, 1);
    const waves = { sizes: [1, 'rest'], pauseBetween: '1h' };
    const input = { instanceIds: ids, maxFailures: 2, waves };
    const campaign = await migrations.start(input);
    await migrations.phase(campaign, 'Between waves');
    await campaign.executeUpdate('approve', { args: [MESSAGE] });
    // Approved early, it still waits for the pause to end.
    expect((await progress(campaign)).phase).toBe('Between waves');
    await campaign.cancel();
    await expect(awaitResult(campaign)).rejects.toThrow(/[Cc]ancel/);
    expect(await statesOf(campaign)).toEqual({ [failing]: 'rolledBack', [other]: 'planned' });
  });

  it('are all given up once maxFailures is reached', async () => {
    const ids = await migrations.machines(3);
    migrations.world.proxy.fault('StopInstances', REFUSED, 1);
    const waves = { sizes: [1, 1, 'rest'], approveEach: true };
    const campaign = await migrations.start({ instanceIds: ids, waves });
    const result = await failedResult<EncryptVolumesResult>(awaitResult(campaign), FAILURE.allFailed);
    expect(result).toMatchObject({ rolledBack: { total: 1 }, skipped: { total: 2 } });
  });

  it('are in a dry run', async () => {
    const ids = await migrations.machines(3);
    const result = await migrations.encrypt({ instanceIds: ids, waves: ['30%', 'rest'], dryRun: true });
    expect(result.waves).toEqual([1, 2]);
    expect(result.summary).toMatch(/3 machines would be encrypted in waves of 1, 2$/);
  });

  describe('and its window', () => {
    const closed = (): string => {
      const [, month, day] = new Date(Date.now() + 90 * 86_400_000).toISOString().split(/[-T]/);
      return `0 0 ${Number(day)} ${Number(month)} *`;
    };
    const window = () => ({ cron: closed(), duration: '2h', timezone: 'UTC' });

    it('keep machines waiting; pause and cancelling work meanwhile', async () => {
      const ids = await migrations.machines(2);
      const [first = '', second = ''] = ids;
      migrations.world.proxy.reset();
      const campaign = await migrations.start({ instanceIds: ids, window: window() });
      await migrations.phase(campaign, 'Waiting for the window');
      expect((await progress(campaign)).waitsFor).toMatch(
        /^The window opens \w+day .* 00:00 \(UTC\); 2 machines of this wave to go/,
      );
      await campaign.executeUpdate('pause', { args: [MESSAGE] });
      const typo = `${first.slice(0, -1)}${first.endsWith('0') ? '1' : '0'}`;
      await expect(
        campaign.executeUpdate('cancelItem', { args: [{ ...MESSAGE, items: [first, typo] }] }),
      ).rejects.toMatchObject({
        cause: {
          message: `cancelItem: items: not of this campaign: ${typo} (did you mean ${first}?)`,
        },
      });
      await campaign.executeUpdate('cancelItem', { args: [{ ...MESSAGE, items: [first] }] });
      await campaign.executeUpdate('cancelItem', { args: [{ ...MESSAGE, items: [second] }] });
      const result = await failedResult<EncryptVolumesResult>(awaitResult(campaign), FAILURE.allFailed);
      expect(result.skipped.items.map(({ reasons }) => reasons[0])).toEqual([
        'not started: it was cancelled',
        'not started: it was cancelled',
      ]);
      expect(migrations.world.proxy.mutations()).toEqual([]);
    });

    it('end at once when the campaign is cancelled', async () => {
      const ids = await migrations.machines(1);
      const campaign = await migrations.start({ instanceIds: ids, window: window() });
      await migrations.phase(campaign, 'Waiting for the window');
      await campaign.cancel();
      await expect(awaitResult(campaign)).rejects.toThrow(/[Cc]ancel/);
      expect(migrations.world.proxy.callsOf('StopInstances')).toEqual([]);
    });

    it('fail before any change where it is too short for every machine', async () => {
      const ids = await migrations.machines(1);
      migrations.world.proxy.reset();
      const short = { from: '22:00', to: '22:10', timezone: 'Europe/Berlin' };
      const failure = await expectFailure(
        migrations.encrypt({ instanceIds: ids, window: short }),
        FAILURE.invalidInput,
      );
      expect(failure).toContain('window: it is open for 10 min at most');
      expect(failure).toContain('1 min 15 s of downtime + 10 min of margin = 11 min 15 s');
      expect(migrations.world.proxy.mutations()).toEqual([]);
    });
  });
});
