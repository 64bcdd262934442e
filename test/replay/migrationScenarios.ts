import type { WorkflowHandle } from '@temporalio/client';
import { workflowIds } from '../../src/model/ids';
import type { StrategyAsked } from '../../src/model/moves/strategy';
import { HOME_REGION } from '../support/accounts';
import { awaitResult } from '../support/awaitResult';
import { ANY_LOSS, MESSAGE, type MigrationWorld } from '../support/migration';
import { anInstance } from '../support/seed';
import { ended, type Scenario } from './scenario';

const REFUSED = { before: { code: 'UnauthorizedOperation', status: 403 } };

export const MIGRATION_SCENARIOS: Record<string, Scenario> = {
  async migrations(migrations) {
    const { instanceId } = await anInstance(migrations.world.home);
    const campaign = await migrations.start({
      instanceIds: [instanceId],
      strategy: 'copy',
      requireApproval: true,
    });
    await migrations.phase(campaign, 'Waiting for approval');
    await campaign.executeUpdate('approve', { args: [MESSAGE] });
    await awaitResult(campaign);
    await migrations.tell(instanceId, 'rollback', ANY_LOSS);
    const back = await ended(await migrations.pinned(instanceId));
    const committed = await committedBy(migrations, instanceId, 'copy');
    return {
      'encryptVolumes.approved': campaign,
      'migrateMachine.rolledBackInSoak': back,
      'migrateMachine.committed': committed,
    };
  },

  /** A campaign by `auto`; a migration by each strategy, and one whose copies others had. */
  async strategies(migrations) {
    const { proxy } = migrations.world;
    const [instanceId = '', refused = '', direct = ''] = await migrations.machines(3);
    const campaign = await ended(await migrations.start({ instanceIds: [instanceId] }));
    await migrations.tell(instanceId, 'commit');
    const cloned = await ended(await migrations.pinned(instanceId));
    proxy.fault('CopyVolumes', REFUSED, 1);
    return {
      'encryptVolumes.auto': campaign,
      'migrateMachine.cloned': cloned,
      'migrateMachine.refusedToClone': await committedBy(migrations, refused, 'auto'),
      'migrateMachine.direct': await committedBy(migrations, direct, 'direct'),
    };
  },

  async migrationsUndone(migrations) {
    const { home, proxy } = migrations.world;
    const { instanceId } = await anInstance(home);
    proxy.fault('StartInstances', REFUSED, 1);
    const failed = await ended(await migrations.start({ instanceIds: [instanceId] }));
    const undone = await ended(await migrations.pinned(instanceId));
    proxy.reset();
    proxy.fault('CopyVolumes', REFUSED, 3);
    await ended(await migrations.start({ instanceIds: [instanceId], strategy: 'clone' }));
    const unclaimed = await ended(await migrations.pinned(instanceId));
    proxy.reset();
    const input = { instanceIds: [instanceId], strategy: 'direct' };
    const cancelled = await ended(
      await migrations.startAnd(input, 'CreateVolume', (handle) => handle.cancel()),
    );
    const cancelledMachine = await ended(await migrations.pinned(instanceId));
    proxy.fault('AttachVolume', REFUSED);
    const stuck = await migrations.start({ instanceIds: [instanceId] });
    await migrations.phase(migrations.machine(instanceId), 'Needs a person');
    proxy.reset();
    await migrations.tell(instanceId, 'resume');
    await ended(stuck);
    return {
      'encryptVolumes.rolledBack': failed,
      'encryptVolumes.cancelled': cancelled,
      'migrateMachine.undone': undone,
      'migrateMachine.cloneUndone': unclaimed,
      'migrateMachine.cancelled': cancelledMachine,
      'migrateMachine.resumed': await ended(await migrations.pinned(instanceId)),
    };
  },

  async campaignSteered(migrations) {
    const instanceIds = await migrations.machines(3);
    const [first = '', second = ''] = instanceIds;
    const input = { instanceIds, concurrency: 1 };
    const campaign = await migrations.startAnd(input, 'StopInstances', async (handle) => {
      await handle.executeUpdate('pause', { args: [MESSAGE] });
      await handle.executeUpdate('cancelItem', { args: [{ ...MESSAGE, items: [second] }] });
    });
    await migrations.phase(migrations.machine(first), 'Soaking');
    await campaign.executeUpdate('resume', { args: [MESSAGE] });
    return { 'encryptVolumes.steered': await ended(campaign) };
  },

  /** A wave with a failure, which asks; a window that has not opened when its machine is cancelled. */
  async wavesAndWindows(migrations) {
    const instanceIds = await migrations.machines(3);
    migrations.world.proxy.fault('StopInstances', REFUSED, 1);
    const waves = { sizes: [1, 'rest'], pauseBetween: '1h' };
    const input = { instanceIds, concurrency: 2, maxFailures: 2, waves };
    const inWaves = await migrations.start(input, { limits: { timer: 100 } });
    await migrations.phase(inWaves, 'Between waves');
    await inWaves.executeUpdate('reject', { args: [MESSAGE] });
    await ended(inWaves);
    migrations.world.proxy.reset();
    const { instanceId } = await anInstance(migrations.world.home);
    const window = { cron: '0 0 1 1 *', duration: '2h', timezone: 'UTC' };
    const waiting = await migrations.start({ instanceIds: [instanceId], window });
    await migrations.phase(waiting, 'Waiting for the window');
    await waiting.executeUpdate('cancelItem', { args: [{ ...MESSAGE, items: [instanceId] }] });
    return { 'encryptVolumes.inWaves': inWaves, 'encryptVolumes.windowed': await ended(waiting) };
  },

  async adopted(migrations) {
    const handles: Record<string, WorkflowHandle> = {};
    for (const [name, action] of [
      ['restored', 'AttachVolume'],
      ['takenOver', 'StartInstances'],
    ] as const) {
      const { instanceId } = await anInstance(migrations.world.home);
      const input = { kmsKeyArn: migrations.key, maxDowntimeMs: 3600_000, instanceId };
      const target = { accountId: migrations.world.home.accountId, region: HOME_REGION };
      const workflowId = workflowIds.machine(target, instanceId);
      const terminated = migrations.meanwhile(action, () => migrations.machine(instanceId).terminate('test'));
      await migrations.world.start('migrateMachine', { ...input, target }, { workflowId });
      await terminated;
      migrations.world.proxy.reset();
      await migrations.world.start('migrateMachine', { ...input, target }, { workflowId });
      await migrations.phase(migrations.machine(instanceId), 'Soaking');
      await migrations.tell(instanceId, 'commit');
      handles[`migrateMachine.${name}`] = await ended(migrations.machine(instanceId));
    }
    return handles;
  },
};

/** On a server that suggests to continue as new after a few events. */
export const CONTINUED_CAMPAIGN: Scenario = async (migrations) => {
  const instanceIds = await migrations.machines(2);
  const last = await ended(await migrations.start({ instanceIds, waves: [1, 'rest'] }));
  return {
    'encryptVolumes.continued': await firstRunOf(migrations, last),
    'encryptVolumes.continuation': last,
  };
};

/** The run from which all others of a workflow continued. */
export async function firstRunOf({ world }: MigrationWorld, last: WorkflowHandle): Promise<WorkflowHandle> {
  const { raw } = await last.describe();
  const runId = raw.workflowExecutionInfo?.firstRunId ?? undefined;
  return world.client.workflow.getHandle(last.workflowId, runId);
}

/** A migration by the strategy, to its commit. */
export async function committedBy(
  migrations: MigrationWorld,
  instanceId: string,
  strategy: StrategyAsked,
): Promise<WorkflowHandle> {
  await migrations.encrypt({ instanceIds: [instanceId], strategy });
  await migrations.tell(instanceId, 'commit');
  return ended(await migrations.pinned(instanceId));
}
