import {
  DescribeSnapshotsCommand,
  DescribeVolumesCommand,
  StartInstancesCommand,
  StopInstancesCommand,
} from '@aws-sdk/client-ec2';
import type { WorkflowHandle } from '@temporalio/client';
import { workflowIds } from '../../src/model/ids';
import type { MigrationWorld } from './migration';
import { phaseOf } from './phase';
import { anInstance } from './seed';
import { until } from './until';

/** A migration by itself, as a campaign starts it; of `direct` unless told otherwise. */
export function startMove(
  migrations: MigrationWorld,
  instanceId: string,
  more: object = {},
): Promise<WorkflowHandle> {
  const { target, key: kmsKeyArn } = migrations;
  const workflowId = workflowIds.machine(target, instanceId);
  const input = { target, instanceId, kmsKeyArn, strategy: 'direct', maxDowntimeMs: 3_600_000, ...more };
  return migrations.world.start('migrateMachine', input, { workflowId });
}

/** A machine that soaks. */
export async function soakingMachine(migrations: MigrationWorld, more: object = {}) {
  const { instanceId } = await anInstance(migrations.account);
  await migrations.writeTo(instanceId);
  const before = await migrations.stateOf(instanceId);
  const run = await startMove(migrations, instanceId, more);
  await migrations.phase(run, 'Soaking');
  migrations.world.proxy.reset();
  return { instanceId, before, run };
}

/** A machine whose run was terminated when the call had taken effect. */
export async function interruptedMachine(
  migrations: MigrationWorld,
  action: string,
  nth = 1,
  more: object = {},
) {
  const { instanceId } = await anInstance(migrations.account);
  await migrations.writeTo(instanceId);
  const before = await migrations.stateOf(instanceId);
  const terminate = () => migrations.machine(instanceId).terminate('test');
  const terminated = migrations.meanwhile(action, terminate, nth);
  await startMove(migrations, instanceId, more);
  await terminated;
  migrations.world.proxy.reset();
  return { instanceId, before };
}

export async function isInState(
  migrations: MigrationWorld,
  instanceId: string,
  state: string,
): Promise<void> {
  await until(async () => (await migrations.instance(instanceId)).State?.Name === state);
}

/** Somebody on call starts a machine that he finds stopped. */
export async function startByHand(migrations: MigrationWorld, instanceId: string): Promise<void> {
  await isInState(migrations, instanceId, 'stopped');
  await until(async () => {
    const disks = await migrations.volumes({ Name: 'attachment.instance-id', Values: [instanceId] });
    return disks.length === 2 && disks.every(({ Attachments }) => Attachments?.[0]?.State === 'attached');
  });
  await migrations.account.ec2().send(new StartInstancesCommand({ InstanceIds: [instanceId] }));
  await isInState(migrations, instanceId, 'running');
}

export async function stopByHand(migrations: MigrationWorld, instanceId: string): Promise<void> {
  await isInState(migrations, instanceId, 'running');
  await migrations.account.ec2().send(new StopInstancesCommand({ InstanceIds: [instanceId] }));
  await isInState(migrations, instanceId, 'stopped');
}

/** Volumes and snapshots of the account that hold exactly this. */
export async function holdersOf(migrations: MigrationWorld, digest: string): Promise<string[]> {
  const ec2 = migrations.account.ec2();
  const { Volumes = [] } = await ec2.send(new DescribeVolumesCommand({}));
  const { Snapshots = [] } = await ec2.send(new DescribeSnapshotsCommand({ OwnerIds: ['self'] }));
  const ids = [...Volumes.map(({ VolumeId }) => VolumeId), ...Snapshots.map(({ SnapshotId }) => SnapshotId)];
  const digests = await Promise.all(ids.map((id = '') => migrations.blocks.digest(id).catch(() => '')));
  return ids.flatMap((id, index) => (id && digests[index] === digest ? id : []));
}

/** Until it soaks, waits for a person, or is closed. */
export async function settledRun(run: WorkflowHandle): Promise<string> {
  let state = '';
  await until(async () => {
    const { status } = await run.describe();
    state = status.name === 'RUNNING' ? ((await phaseOf(run)) ?? '') : status.name;
    return status.name !== 'RUNNING' || state === 'Soaking' || state === 'Needs a person';
  });
  return state;
}
