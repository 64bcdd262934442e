import type { Activities } from '../../src/activities';
import { workflowIds } from '../../src/model/ids';
import { AwsServer } from '../support/awsServer';
import { ANY_LOSS, MigrationWorld } from '../support/migration';
import { anInstance, instance } from '../support/seed';
import { TargetGroup } from '../support/targetGroups';
import { until } from '../support/until';
import { phaseOf } from '../support/phase';

const DENIED = { before: { code: 'AccessDenied', status: 403 } };
const wait = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

function inShortTime(activities: Activities): Partial<Activities> {
  const shorter = <Input extends { timeoutMs: number }>(input: Input) => ({
    ...input,
    timeoutMs: Math.min(input.timeoutMs, 4_000),
  });
  const own = { ...activities };
  return {
    awaitDrained: (input) => own.awaitDrained(shorter(input)),
    awaitServed: (input) => own.awaitServed(shorter(input)),
  };
}

describe('reader drain', () => {
  let aws: AwsServer;
  let migrations: MigrationWorld;
  beforeAll(async () => {
    aws = await AwsServer.start('--speed', '2000');
    migrations = await MigrationWorld.open({ aws: aws.endpoint, override: inShortTime });
  });
  afterAll(async () => {
    await migrations.close();
    aws.stop();
  });

  it('R6 a rollback while a taken-over machine cannot be registered', async () => {
    const { home } = migrations.world;
    const { instanceId } = await anInstance(home);
    const web = await TargetGroup.near(home, instanceId, { delay: 300 });
    await web.serving({ Id: instanceId, Port: 80 });
    void instance;
    const { target } = migrations;
    const workflowId = workflowIds.machine(target, instanceId);
    const start = () =>
      migrations.world.start(
        'migrateMachine',
        {
          target,
          instanceId,
          kmsKeyArn: migrations.key,
          strategy: 'direct',
          maxDowntimeMs: 3_600_000,
          drain: true,
        },
        { workflowId },
      );
    const terminated = migrations.meanwhile('StartInstances', () =>
      migrations.machine(instanceId).terminate('test'),
    );
    const first = await start();
    const ended = first
      .result()
      .catch((e: unknown) => console.log('R6 first', String((e as { cause?: unknown }).cause)));
    await Promise.race([terminated, ended]);
    migrations.world.proxy.reset();
    migrations.world.proxy.fault('RegisterTargets', DENIED);
    const run = await start();
    await migrations.phase(run, 'Needs a person');
    console.log(
      'R6 told',
      await migrations
        .tell(instanceId, 'rollback', ANY_LOSS)
        .catch((e: unknown) => String((e as { cause?: unknown }).cause)),
    );
    migrations.world.proxy.reset();
    await until(async () => {
      await wait(500);
      return true;
    });
    await wait(8_000);
    const { events = [] } = await run.fetchHistory();
    const failed = (events ?? [])
      .filter((e) => e.workflowTaskFailedEventAttributes)
      .map((e) => e.workflowTaskFailedEventAttributes?.failure?.message);
    console.log(
      'R6',
      (await run.describe()).status.name,
      failed,
      await phaseOf(run).catch((e: unknown) => String(e)),
    );
    expect(failed).toEqual([]);
  });
});
