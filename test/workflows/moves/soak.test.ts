import {
  DescribeInstanceStatusCommand,
  StartInstancesCommand,
  StopInstancesCommand,
  TerminateInstancesCommand,
} from '@aws-sdk/client-ec2';
import { DisableKeyCommand, EnableKeyCommand } from '@aws-sdk/client-kms';
import { FAILURE } from '../../../src/model/failures';
import { parseRollback } from '../../../src/model/messages';
import type { MigrateMachineResult } from '../../../src/model/moves/migration';
import { workflowIds } from '../../../src/model/ids';
import type { ProgressPage } from '../../../src/model/progress';
import { HOME_REGION } from '../../support/accounts';
import { awaitResult } from '../../support/awaitResult';
import { failedResult } from '../../support/failure';
import { MigrationWorld } from '../../support/migration';
import { aKey, anInstance } from '../../support/seed';
import { until } from '../../support/until';

const DAY_MS = 86_400_000;

describe('the soak of a migration', () => {
  let migrations: MigrationWorld;

  beforeAll(async () => {
    migrations = await MigrationWorld.open({ timeSkipping: true });
  });
  afterAll(() => migrations.close());

  it('ends in a commit by itself after the time that was asked for, and not before', async () => {
    const { home } = migrations.world;
    const { instanceId } = await anInstance(home);
    const before = await migrations.stateOf(instanceId);
    const target = { accountId: home.accountId, region: HOME_REGION };
    const workflowId = workflowIds.machine(target, instanceId);
    const soakMs = 7 * 24 * 3600_000;
    const began = await migrations.world.temporal.currentTimeMs();
    const result = await migrations.world.run<MigrateMachineResult>(
      'migrateMachine',
      { target, instanceId, kmsKeyArn: migrations.key, maxDowntimeMs: 3600_000, soakMs },
      { workflowId },
    );
    expect(result).toMatchObject({ outcome: 'encrypted', committed: true });
    expect((await migrations.world.temporal.currentTimeMs()) - began).toBeGreaterThanOrEqual(soakMs);
    const originals = before.disks.map(({ volumeId = '' }) => volumeId);
    expect(await migrations.volumes({ Name: 'volume-id', Values: originals })).toEqual([]);
  });

  const target = () => ({ accountId: migrations.world.home.accountId, region: HOME_REGION });

  function soaking(instanceId: string, soakMs?: number) {
    const input = {
      target: target(),
      instanceId,
      kmsKeyArn: migrations.key,
      maxDowntimeMs: 3600_000,
      soakMs,
    };
    const workflowId = workflowIds.machine(target(), instanceId);
    return migrations.world.start('migrateMachine', input, { workflowId });
  }

  it('does not end by itself before a machine that was stopped has been started, and is healthy', async () => {
    const { home, temporal } = migrations.world;
    const { instanceId } = await anInstance(home);
    await home.ec2().send(new StopInstancesCommand({ InstanceIds: [instanceId] }));
    await until(async () => (await migrations.instance(instanceId)).State?.Name === 'stopped');
    const run = await soaking(instanceId, DAY_MS);
    await migrations.phase(run, 'Soaking');
    const waitsFor = async () => (await run.query<ProgressPage>('progress')).waitsFor;
    expect(await waitsFor()).toContain('deleted 1 d after its first healthy start.');
    const told = (await waitsFor()) ?? '';
    expect(told).toContain(`${instanceId} has its new volumes`);
    for (const verdict of ['commit', 'rollback'])
      expect(told).toContain(
        `temporal workflow update execute --workflow-id '${run.workflowId}' --name ${verdict} --input '`,
      );
    const [, input = ''] = /--name rollback --input '(.*)'/.exec(told) ?? [];
    expect(parseRollback(JSON.parse(input))).toMatchObject({ ok: true });
    expect(input).toMatch(/"acceptWriteLossSince":"\d{4}-/);
    await temporal.sleep(10 * DAY_MS);
    expect((await run.describe()).status.name).toBe('RUNNING');
    await home.ec2().send(new StartInstancesCommand({ InstanceIds: [instanceId] }));
    await until(async () => {
      const { InstanceStatuses = [] } = await home
        .ec2()
        .send(new DescribeInstanceStatusCommand({ InstanceIds: [instanceId] }));
      return InstanceStatuses[0]?.InstanceStatus?.Status === 'ok';
    });
    await temporal.sleep(DAY_MS);
    await until(async () => /are deleted at \d{4}-.*Z\.$/m.test((await waitsFor()) ?? ''));
    await temporal.sleep(2 * DAY_MS);
    expect(await awaitResult(run)).toMatchObject({ outcome: 'encrypted', committed: true });
  });

  it('ends within a day when the machine is terminated, and deletes nothing', async () => {
    const { home, temporal } = migrations.world;
    const { instanceId } = await anInstance(home);
    const before = await migrations.stateOf(instanceId);
    const run = await soaking(instanceId);
    await migrations.phase(run, 'Soaking');
    await home.ec2().send(new TerminateInstancesCommand({ InstanceIds: [instanceId] }));
    await until(async () => (await migrations.instance(instanceId)).State?.Name === 'terminated');
    await temporal.sleep(2 * DAY_MS);
    await failedResult(awaitResult(run), FAILURE.notFound);
    const originals = before.disks.map(({ volumeId = '' }) => volumeId);
    expect(await migrations.volumes({ Name: 'volume-id', Values: originals })).toHaveLength(2);
  });

  it('deletes nothing by itself while the key is disabled, and waits for a person', async () => {
    const { home, temporal } = migrations.world;
    const { instanceId } = await anInstance(home);
    const [before, KeyId] = [await migrations.stateOf(instanceId), await aKey(home)];
    const input = { target: target(), instanceId, kmsKeyArn: KeyId, strategy: 'copy', soakMs: DAY_MS };
    const workflowId = workflowIds.machine(target(), instanceId);
    const run = await migrations.world.start(
      'migrateMachine',
      { ...input, maxDowntimeMs: 3600_000 },
      { workflowId },
    );
    await migrations.phase(run, 'Soaking');
    await home.kms().send(new DisableKeyCommand({ KeyId }));
    await temporal.sleep(2 * DAY_MS);
    await migrations.phase(run, 'Needs a person');
    const originals = before.disks.map(({ volumeId = '' }) => volumeId);
    expect(await migrations.volumes({ Name: 'volume-id', Values: originals })).toHaveLength(2);
    await home.kms().send(new EnableKeyCommand({ KeyId }));
    await migrations.tell(instanceId, 'resume');
    expect(await awaitResult(run)).toMatchObject({ committed: true });
  });
});
