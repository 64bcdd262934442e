import type { MigrateMachineResult } from '../../src/model/migration';
import { workflowIds } from '../../src/model/ids';
import { HOME_REGION } from '../support/accounts';
import { MigrationWorld } from '../support/migration';
import { anInstance } from '../support/seed';

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
});
