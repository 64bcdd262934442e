import { setTimeout as sleep } from 'node:timers/promises';
import { BackupPolicies, createBackupPolicy, Holdfast, runBackup } from '../../src/client';
import { workflowIds } from '../../src/model/ids';
import { aVolume } from '../support/seed';
import { aWorld, type World } from '../support/world';

describe('runs of a policy', () => {
  let world: World;
  let holdfast: Holdfast;
  let policies: BackupPolicies;

  beforeAll(async () => {
    world = await aWorld();
    holdfast = await Holdfast.connect({
      TEMPORAL_ADDRESS: world.temporal.address,
      TEMPORAL_NAMESPACE: world.temporal.namespace ?? 'default',
    });
    policies = new BackupPolicies(holdfast);
  });
  afterAll(async () => {
    await holdfast.close();
    await world.close();
  });

  async function policy(policyName: string): Promise<void> {
    await aVolume(world.home, { tags: { policy: policyName } });
    const selector = { tags: { all: { policy: policyName } } };
    await createBackupPolicy(holdfast, { policyName, frequency: '1d', retention: '7d', selector });
  }
  const stateOf = async (policyName: string) =>
    (await policies.list()).find((each) => each.policyName === policyName);

  /** What the Schedule would name its runs of the next seconds: it starts none where one of that name is open. */
  async function takeNames(policyName: string): Promise<void> {
    const from = Math.ceil(Date.now() / 1000);
    for (let second = from; second < from + 10; second += 1) {
      const at = new Date(second * 1000).toISOString().replace('.000Z', 'Z');
      const workflowId = `${workflowIds.backup(policyName)}-${at}`;
      await holdfast.temporal.workflow.start('somethingElse', { workflowId, taskQueue: 'nobody' });
    }
    await sleep(Math.max(0, from * 1000 - Date.now()));
  }

  it('that the Schedule starts are named; where it starts none, that is said', async () => {
    await policy('asked');
    const { workflowId, slot } = await policies.trigger('asked');
    const handle = holdfast.temporal.workflow.getHandle(workflowId);
    expect(await handle.describe()).toMatchObject({ type: 'runBackup' });
    expect(workflowId).toContain(slot.slice(0, 19));
    await takeNames('asked');
    await expect(policies.trigger('asked')).rejects.toMatchObject({
      name: 'NotTriggered',
      message: expect.stringContaining(
        `has started no run within 10 s; the last one is ${workflowId}`,
      ) as unknown,
    });
  });

  it('by hand are runs: a policy that has them has not never run', async () => {
    await policy('by-hand');
    expect(await stateOf('by-hand')).toMatchObject({ state: 'never ran' });
    const started = await holdfast.start('runBackup', { policyName: 'by-hand' });
    await started.result();
    expect(await stateOf('by-hand')).toMatchObject({
      state: 'ok',
      lastRun: { workflowId: started.workflowId, outcome: 'Succeeded', lateBy: '0 s' },
    });
    const { workflowId } = await policies.trigger('by-hand');
    expect(await stateOf('by-hand')).toMatchObject({ lastRun: { workflowId } });
    await runBackup(holdfast, { policyName: 'by-hand' }, { workflowId: 'once-more' });
    expect(await stateOf('by-hand')).toMatchObject({ lastRun: { workflowId: 'once-more' } });
  });
});
