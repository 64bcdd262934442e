import { ANY_LOSS, MESSAGE, type MigrationWorld } from '../support/migration';
import { anInstance, aVolume } from '../support/seed';
import { ended, type Scenario } from './scenario';

const REFUSED = { before: { code: 'AccessDeniedException', status: 403 } };

/** Health checks of the user's own, and volumes that are attached to nothing. */
export const CHECKED_SCENARIOS: Record<string, Scenario> = {
  async healthChecks(migrations) {
    const { home, proxy } = migrations.world;
    const { hostname: host, port } = new URL(proxy.endpoint);
    const healthChecks = [{ command: ['true'] }, { tcp: { port: Number(port), host } }];
    const { instanceId } = await anInstance(home);
    // The first looks for mounts by volume id, when the campaign is planned.
    proxy.fault('SendCommand', REFUSED, 2);
    const input = { instanceIds: [instanceId], healthChecks };
    const failed = await ended(await migrations.start(input));
    const undone = await ended(await migrations.pinned(instanceId));
    await ended(await migrations.start(input));
    await migrations.tell(instanceId, 'commit');
    return {
      'encryptVolumes.unhealthy': failed,
      'migrateMachine.unhealthy': undone,
      'migrateMachine.checked': await ended(await migrations.pinned(instanceId)),
    };
  },

  async volumes(migrations) {
    const { home, proxy } = migrations.world;
    const [copied, cloned, undone] = [await aVolume(home), await aVolume(home), await aVolume(home)];
    const volumeIds = [copied];
    const campaign = await ended(await migrations.start({ volumeIds, strategy: 'copy' }));
    await migrations.tellVolume(copied, 'commit');
    await ended(await migrations.start({ volumeIds: [cloned], strategy: 'clone' }));
    await migrations.tellVolume(cloned, 'rollback', ANY_LOSS);
    proxy.fault('CreateVolume', REFUSED, 1);
    await ended(await migrations.start({ volumeIds: [undone] }));
    return {
      'encryptVolumes.volumes': campaign,
      'migrateVolume.committed': await ended(migrations.volume(copied)),
      'migrateVolume.rolledBackInSoak': await ended(migrations.volume(cloned)),
      'migrateVolume.undone': await ended(migrations.volume(undone)),
    };
  },

  async volumesAdopted(migrations) {
    return {
      'migrateVolume.restored': await adopted(migrations, 'CreateVolume'),
      'migrateVolume.takenOver': await adopted(migrations),
    };
  },
};

/** The run after one that was terminated when an action had taken effect, or in its soak. */
async function adopted(migrations: MigrationWorld, action?: string) {
  const { world } = migrations;
  const volumeId = await aVolume(world.home);
  const { workflowId } = migrations.volume(volumeId);
  const [, accountId, region] = workflowId.split('/');
  const input = { target: { accountId, region }, volumeId, kmsKeyArn: migrations.key };
  const terminate = () => migrations.volume(volumeId).terminate('test');
  const terminated = action && migrations.meanwhile(action, terminate);
  await world.start('migrateVolume', input, { workflowId });
  if (terminated) await terminated;
  else {
    await migrations.phase(migrations.volume(volumeId), 'Soaking');
    await terminate();
  }
  world.proxy.reset();
  const next = await world.start('migrateVolume', input, { workflowId });
  await migrations.phase(next, 'Soaking');
  await next.executeUpdate('commit', { args: [MESSAGE] });
  return ended(next);
}
