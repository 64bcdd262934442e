import { StopInstancesCommand } from '@aws-sdk/client-ec2';
import { workflowIds } from '../../src/model/ids';
import { HOME_REGION } from '../support/accounts';
import { MESSAGE, MigrationWorld } from '../support/migration';
import { anInstance } from '../support/seed';
import { until } from '../support/until';

const DAY_MS = 86_400_000;
const wait = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

describe('reader soak', () => {
  let migrations: MigrationWorld;
  beforeAll(async () => {
    migrations = await MigrationWorld.open({ timeSkipping: true });
  });
  afterAll(() => migrations.close());

  it('R5 an order while it looks at the machine counts', async () => {
    const { home, temporal } = migrations.world;
    const { instanceId } = await anInstance(home);
    const target = { accountId: home.accountId, region: HOME_REGION };
    const workflowId = workflowIds.machine(target, instanceId);
    const run = await migrations.world.start(
      'migrateMachine',
      { target, instanceId, kmsKeyArn: migrations.key, maxDowntimeMs: 3600_000 },
      { workflowId },
    );
    await migrations.phase(run, 'Soaking');
    migrations.world.proxy.reset();
    migrations.world.proxy.fault('DescribeInstances', { delay: 4_000 });
    const slept = temporal.sleep(25 * 3_600_000);
    await until(() => Promise.resolve(migrations.world.proxy.callsOf('DescribeInstances').length > 0));
    const told = await migrations
      .tell(instanceId, 'commit')
      .catch((e: unknown) => String((e as { cause?: unknown }).cause));
    console.log('R5 update', told);
    await run.signal('commit', MESSAGE);
    await slept;
    migrations.world.proxy.reset();
    await wait(5_000);
    const status = (await run.describe()).status.name;
    console.log('R5', status);
    expect(status).toBe('COMPLETED');
  });
  void DAY_MS;
  void StopInstancesCommand;
});
