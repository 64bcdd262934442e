import type { WorkflowHandle } from '@temporalio/client';
import { ANY_LOSS, MESSAGE, type MigrationWorld } from '../support/migration';
import { anInstance } from '../support/seed';
import { TargetGroup } from '../support/targetGroups';
import { ended, type Scenario } from './scenario';

const DENIED = { before: { code: 'UnauthorizedOperation', status: 403 } };
const HOOKS = { pre: { commands: ['fsfreeze -f /data'] }, post: { commands: ['fsfreeze -u /data'] } };

/** Leaves its target groups, is told by hooks, and has its place reserved. */
const CARE = { drain: true, hooks: HOOKS, reserveCapacity: true, strategy: 'direct' };

/** Machines that serve, and those that somebody else owns; on an AWS whose clock does not run ahead of reservations. */
export const SERVED_SCENARIOS: Record<string, Scenario> = {
  async served(migrations) {
    const instanceId = await servedMachine(migrations);
    await ended(await migrations.start({ instanceIds: [instanceId], ...CARE }));
    await migrations.tell(instanceId, 'rollback', ANY_LOSS);
    const back = await ended(await migrations.pinned(instanceId));
    const campaign = await ended(await migrations.start({ instanceIds: [instanceId], ...CARE }));
    await migrations.tell(instanceId, 'commit');
    return {
      'encryptVolumes.served': campaign,
      'migrateMachine.served': await ended(await migrations.pinned(instanceId)),
      'migrateMachine.servedRolledBackInSoak': back,
    };
  },

  async servedUndone(migrations) {
    const { proxy } = migrations.world;
    const instanceId = await servedMachine(migrations);
    const input = { instanceIds: [instanceId], ...CARE };
    proxy.fault('DescribeInstanceStatus', DENIED);
    await ended(await migrations.start(input));
    const undone = await ended(await migrations.pinned(instanceId));
    proxy.reset();
    proxy.fault('DeregisterTargets', DENIED, 1);
    await ended(await migrations.start(input));
    return {
      'migrateMachine.servedUndone': undone,
      'migrateMachine.notDrained': await ended(await migrations.pinned(instanceId)),
    };
  },

  /** After the gate nothing is undone by itself: a registration that is refused waits for a person. */
  async servedLate(migrations) {
    const { proxy } = migrations.world;
    const instanceId = await servedMachine(migrations);
    // The first proves that the role may register.
    proxy.fault('RegisterTargets', DENIED, 2);
    const campaign = await migrations.start({ instanceIds: [instanceId], ...CARE });
    await migrations.phase(migrations.machine(instanceId), 'Needs a person');
    proxy.reset();
    await migrations.tell(instanceId, 'resume');
    await ended(campaign);
    await migrations.tell(instanceId, 'commit');
    return { 'migrateMachine.servedResumed': await ended(await migrations.pinned(instanceId)) };
  },

  async servedAdopted(migrations) {
    const handles: Record<string, WorkflowHandle> = {};
    for (const [name, action] of [
      ['servedRestored', 'StopInstances'],
      ['servedTakenOver', 'StartInstances'],
    ] as const) {
      const instanceId = await servedMachine(migrations);
      const terminate = () => migrations.machine(instanceId).terminate('test');
      const terminated = migrations.meanwhile(action, terminate);
      // It hears nothing from a migration that is terminated, and looks by itself.
      const limits = { timer: 500 };
      const first = await migrations.start({ instanceIds: [instanceId], ...CARE }, { limits });
      await terminated;
      handles['encryptVolumes.unheard'] = await ended(first);
      migrations.world.proxy.reset();
      await ended(await migrations.start({ instanceIds: [instanceId], strategy: 'direct' }));
      await migrations.tell(instanceId, 'commit');
      handles[`migrateMachine.${name}`] = await ended(await migrations.pinned(instanceId));
    }
    return handles;
  },

  async warned(migrations) {
    const owned = () => anInstance(migrations.world.home, { tags: { ManagedBy: 'Terraform' } });
    const instanceIds = [await owned(), await owned()].map(({ instanceId }) => instanceId);
    const planned = await ended(await migrations.start({ instanceIds, dryRun: true }));
    const campaign = await migrations.start({ instanceIds, concurrency: 2 });
    await migrations.phase(campaign, 'Waiting for approval');
    await campaign.executeUpdate('approve', { args: [{ ...MESSAGE, items: instanceIds.slice(0, 1) }] });
    return { 'encryptVolumes.planned': planned, 'encryptVolumes.warned': await ended(campaign) };
  },

  async addresses(migrations) {
    const { instanceId } = await anInstance(migrations.world.home, { publicIp: true });
    const input = { instanceIds: [instanceId], allow: ['assignedPublicIp'] };
    await ended(await migrations.start(input));
    await migrations.tell(instanceId, 'commit');
    return { 'migrateMachine.readdressed': await ended(await migrations.pinned(instanceId)) };
  },

  async windowClosed(migrations) {
    const { world, target, key: kmsKeyArn } = migrations;
    const { instanceId } = await anInstance(world.home);
    const { workflowId } = migrations.machine(instanceId);
    const input = { target, instanceId, kmsKeyArn, maxDowntimeMs: 600_000, stopBy: 1, strategy: 'direct' };
    return {
      'migrateMachine.windowClosed': await ended(await world.start('migrateMachine', input, { workflowId })),
    };
  },
};

/** A machine that a target group's requests go to. */
async function servedMachine({ world }: MigrationWorld): Promise<string> {
  const { instanceId } = await anInstance(world.home);
  const group = await TargetGroup.near(world.home, instanceId, { delay: 60 });
  await group.serving({ Id: instanceId, Port: 80 });
  return instanceId;
}
