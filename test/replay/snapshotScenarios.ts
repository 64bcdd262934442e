import { CreateSnapshotCommand } from '@aws-sdk/client-ec2';
import type { WorkflowHandle } from '@temporalio/client';
import { MESSAGE, type MigrationWorld } from '../support/migration';
import { aVolume, completed } from '../support/seed';
import { until } from '../support/until';
import { ended, type Scenario } from './scenario';

const DENIED = { before: { code: 'AccessDeniedException', status: 400 } };
const REFUSED = { before: { code: 'InvalidSnapshot.InUse', status: 400 } };

async function twoSnapshots({ world }: MigrationWorld): Promise<[string, string]> {
  const one = async () => {
    const VolumeId = await aVolume(world.home, { size: 1 });
    const { SnapshotId } = await world.home.ec2().send(new CreateSnapshotCommand({ VolumeId }));
    return completed(world.home, SnapshotId);
  };
  return [await one(), await one()];
}

async function copied(migrations: MigrationWorld, snapshotIds: string[]): Promise<WorkflowHandle> {
  const input = { snapshotIds, kmsKeyId: migrations.key };
  const handle = await migrations.world.start('encryptSnapshots', input);
  await migrations.phase(handle, 'Waiting for commit');
  return handle;
}

const tell = (handle: WorkflowHandle, message: 'commit' | 'rollback', more: object = {}) =>
  handle.executeUpdate(message, { args: [{ ...MESSAGE, ...more }] });

export const SNAPSHOTS: Record<string, Scenario> = {
  async snapshots(migrations) {
    const { world } = migrations;
    const snapshotIds = await twoSnapshots(migrations);
    const input = { snapshotIds, kmsKeyId: migrations.key };
    const planned = await ended(await world.start('encryptSnapshots', { ...input, dryRun: true }));
    const cancelled = await copied(migrations, snapshotIds);
    await cancelled.cancel();
    await ended(cancelled);
    const back = await copied(migrations, snapshotIds);
    await tell(back, 'rollback');
    await ended(back);
    const partly = await copied(migrations, snapshotIds);
    world.proxy.fault('DeleteSnapshot', REFUSED, 1);
    await tell(partly, 'commit');
    await ended(partly);
    // Nothing is committed while the key cannot be asked for, and all afterwards.
    const held = await copied(migrations, await twoSnapshots(migrations));
    world.proxy.fault('DescribeKey', DENIED);
    await tell(held, 'commit');
    await until(() => world.notifications.some(({ workflowId }) => workflowId === held.workflowId));
    world.proxy.reset();
    await tell(held, 'commit');
    // A page of copies that is cut off hands over what it has made.
    const cutOff = world.client.workflow.getHandle('snapshots-cut-off');
    const told = migrations.meanwhile('CopySnapshot', () => cutOff.cancel());
    const more = { ...input, snapshotIds: await twoSnapshots(migrations) };
    await world.start('encryptSnapshots', more, { workflowId: cutOff.workflowId });
    await told;
    return {
      'encryptSnapshots.held': await ended(held),
      'encryptSnapshots.cutOff': await ended(cutOff),
      'encryptSnapshots.planned': planned,
      'encryptSnapshots.cancelled': cancelled,
      'encryptSnapshots.rolledBack': back,
      'encryptSnapshots.partly': partly,
    };
  },
};

/** On a server that suggests to continue as new after a few events. */
export const SNAPSHOTS_CONTINUED: Scenario = async (migrations) => {
  const [first, second] = await twoSnapshots(migrations);
  const handle = await copied(migrations, [first, second]);
  const { runId } = await handle.describe();
  await tell(handle, 'commit', { items: [first] });
  await migrations.phase(handle, 'Waiting for commit');
  await tell(handle, 'commit', { items: [second] });
  await ended(handle);
  return {
    'encryptSnapshots.continued': migrations.world.client.workflow.getHandle(handle.workflowId, runId),
    'encryptSnapshots.continuation': migrations.world.client.workflow.getHandle(handle.workflowId),
  };
};
