import { randomUUID } from 'node:crypto';
import { AttachVolumeCommand, DetachVolumeCommand } from '@aws-sdk/client-ec2';
import type { WorkflowHandle } from '@temporalio/client';
import { FAILURE } from '../../../src/model/failures';
import { awaitResult } from '../../support/awaitResult';
import { failureOf } from '../../support/failure';
import { MigrationWorld } from '../../support/migration';
import { anInstance, aVolume, tagsOf } from '../../support/seed';
import { settledRun, soakingMachine, startMove } from '../../support/takenOver';
import { until } from '../../support/until';

/** `temporal workflow reset` ends a run, and begins another one that does not know what that has done since. */
describe('a soaking migration that is reset to before its swap', () => {
  let migrations: MigrationWorld;

  beforeAll(async () => {
    migrations = await MigrationWorld.open();
  });
  afterAll(() => migrations.close());
  beforeEach(() => migrations.world.proxy.reset());

  it('undoes nothing of a machine, and the next run takes the soak over', async () => {
    const { instanceId, run } = await soakingMachine(migrations, { strategy: 'copy' });
    const before = await everything(instanceId);
    await resetBefore(run, 'requireAsPlanned');
    const { type, message } = await failureOf(awaitResult(migrations.machine(instanceId)));
    expect(type).toBe(FAILURE.conflict);
    expect(message).toContain('was it reset?');
    expect(await everything(instanceId)).toEqual(before);
    const next = await startMove(migrations, instanceId, { strategy: 'copy' });
    expect(await settledRun(next)).toBe('Soaking');
    await migrations.tell(instanceId, 'commit');
    expect(await awaitResult(next)).toMatchObject({ committed: true });
  });

  it('undoes nothing of a volume by itself, whose new one may be in use', async () => {
    const volumeId = await aVolume(migrations.account, {});
    const { target, key: kmsKeyArn } = migrations;
    const workflowId = migrations.volume(volumeId).workflowId;
    const start = () =>
      migrations.world.start('migrateVolume', { target, volumeId, kmsKeyArn }, { workflowId });
    const run = await start();
    await migrations.phase(run, 'Soaking');
    const [made] = await replacing(volumeId);
    // Whoever looks now finds the original used, so that the run undoes what it has.
    const { instanceId } = await anInstance(migrations.account);
    await migrations.account
      .ec2()
      .send(new AttachVolumeCommand({ InstanceId: instanceId, VolumeId: volumeId, Device: '/dev/sdq' }));
    await resetBefore(run, 'requireAlone', 2);
    expect((await failureOf(awaitResult(migrations.volume(volumeId)))).type).toBe(FAILURE.conflict);
    expect((await replacing(volumeId)).map(({ VolumeId }) => VolumeId)).toEqual([made?.VolumeId]);
    await migrations.account.ec2().send(new DetachVolumeCommand({ VolumeId: volumeId }));
    await until(async () => (await volume(volumeId))?.State === 'available');
    const next = await start();
    await migrations.phase(next, 'Soaking');
    await migrations.tellVolume(volumeId, 'commit');
    expect(await awaitResult(next)).toMatchObject({ committed: true });
  });

  const volume = async (id: string) => (await migrations.volumes({ Name: 'volume-id', Values: [id] }))[0];
  const replacing = (volumeId: string) =>
    migrations.volumes({ Name: 'tag:holdfast:replaces', Values: [volumeId] });

  async function everything(instanceId: string): Promise<object> {
    const marked = await migrations.volumes({
      Name: 'tag-key',
      Values: ['holdfast:original', 'holdfast:replaces'],
    });
    return {
      machine: tagsOf(await migrations.instance(instanceId)),
      volumes: marked.map((volume) => [volume.VolumeId, tagsOf(volume)]).sort(),
      snapshots: (await migrations.snapshots(instanceId)).map(({ SnapshotId }) => SnapshotId).sort(),
    };
  }

  /** To the workflow task that asked for this activity the nth time: it is asked for again. */
  async function resetBefore(run: WorkflowHandle, activity: string, nth = 1): Promise<void> {
    const { events = [] } = await run.fetchHistory();
    const asked = (events ?? []).filter(
      (event) => event.activityTaskScheduledEventAttributes?.activityType?.name === activity,
    );
    const taskId = asked[nth - 1]?.activityTaskScheduledEventAttributes?.workflowTaskCompletedEventId;
    const { runId } = (await run.describe()) as { runId: string };
    await migrations.world.client.workflowService.resetWorkflowExecution({
      namespace: migrations.world.client.options.namespace,
      workflowExecution: { workflowId: run.workflowId, runId },
      reason: 'test',
      requestId: randomUUID(),
      // The types want the class of a package that is not ours; its encoder takes numbers.
      workflowTaskFinishEventId: Number(taskId) as never,
    });
  }
});
