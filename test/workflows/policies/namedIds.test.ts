import { DeleteVolumeCommand, TerminateInstancesCommand } from '@aws-sdk/client-ec2';
import type { RunBackupResult } from '../../../src/model/backup/run';
import { FAILURE } from '../../../src/model/failures';
import type { PolicyPlan } from '../../../src/model/policies/policyPlan';
import { HOME_REGION } from '../../support/accounts';
import { expectFailure, failedResult } from '../../support/failure';
import { MigrationWorld } from '../../support/migration';
import { anInstance, aVolume, instance } from '../../support/seed';
import { until } from '../../support/until';

const NOWHERE = 'vol-00000000000000bad';
const OTHER_REGION = 'eu-west-1';

describe('ids that a selector names', () => {
  let migrations: MigrationWorld;

  beforeAll(async () => {
    migrations = await MigrationWorld.open();
  });
  afterAll(() => migrations.close());

  const policyOf = (policyName: string, selector: object, more: object = {}) => ({
    ...{ policyName, frequency: '4h', retention: '30d', selector, paused: true },
    ...more,
  });
  const apply = (...policy: Parameters<typeof policyOf>) =>
    migrations.world.run('createBackupPolicy', policyOf(...policy));
  const backUp = (policyName: string) => migrations.world.run<RunBackupResult>('runBackup', { policyName });

  it('fail the run by name where there is none of them any more, and the others are protected', async () => {
    const ec2 = migrations.account.ec2();
    const dead = await anInstance(migrations.account, { data: [] });
    const alive = await anInstance(migrations.account, { data: [] });
    const gone = await aVolume(migrations.account);
    await apply('named', { instanceIds: [dead.instanceId, alive.instanceId], volumeIds: [gone] });
    expect(await backUp('named')).toMatchObject({ selected: 3, protected: 3, coverage: 1 });
    await ec2.send(new DeleteVolumeCommand({ VolumeId: gone }));
    await ec2.send(new TerminateInstancesCommand({ InstanceIds: [dead.instanceId] }));
    await until(
      async () => (await instance(migrations.account, dead.instanceId)).State?.Name === 'terminated',
    );
    const result = await failedResult<RunBackupResult>(backUp('named'), FAILURE.partialFailure);
    expect(result).toMatchObject({ selected: 3, protected: 1, coverage: 1 / 3 });
    const failed = new Map(result.failed.items.map((each) => [each.item, each]));
    expect([...failed.keys()].sort()).toEqual([dead.instanceId, gone].sort());
    expect(failed.get(gone)).toMatchObject({ type: FAILURE.notFound });
    expect(failed.get(gone)?.message).toContain(`is not in ${migrations.account.accountId}/${HOME_REGION}`);
    expect(failed.get(gone)?.message).toContain('volumeIdMap');
  });

  it('fail a run that finds none of them, and not as one that selects nothing', async () => {
    await apply('nowhere', { volumeIds: [NOWHERE] });
    const { failed } = await failedResult<RunBackupResult>(backUp('nowhere'), FAILURE.allFailed);
    expect(failed.items).toMatchObject([{ item: NOWHERE, type: FAILURE.notFound }]);
  });

  it('are in one of the targets', async () => {
    const volumeIds = [
      await aVolume(migrations.account),
      await aVolume(migrations.account, { region: OTHER_REGION }),
    ];
    const { accountId } = migrations.account;
    const targets = [HOME_REGION, OTHER_REGION].map((region) => ({ accountId, region }));
    await apply('both', { volumeIds }, { targets });
    expect(await backUp('both')).toMatchObject({ selected: 2, protected: 2, failed: { total: 0 } });
  });

  it('are a problem of the plan', async () => {
    const there = await aVolume(migrations.account);
    const plan = await migrations.world.run<PolicyPlan>(
      'planBackupPolicy',
      policyOf('planned', { volumeIds: [there, NOWHERE] }),
    );
    expect(plan.problems).toEqual([expect.stringMatching(new RegExp(`^selector: ${NOWHERE} is named by`))]);
  });

  it('are refused by a migration where there is none of them', async () => {
    const there = await aVolume(migrations.account);
    const asked = migrations.encrypt({ selector: { volumeIds: [there, NOWHERE] }, dryRun: true });
    expect(await expectFailure(asked, FAILURE.notFound)).toContain(`selector: ${NOWHERE} not found`);
  });

  it('are warned of before a migration takes the id out of use', async () => {
    const { instanceId, volumes } = await anInstance(migrations.account);
    const named = volumes['/dev/sdf'] ?? '';
    await apply('by-id', { volumeIds: [named] });
    const { plan } = await migrations.encrypt({ instanceIds: [instanceId], dryRun: true });
    expect(plan?.items[0]?.warnings).toEqual([
      {
        kind: 'policy',
        text: expect.stringContaining(`policy by-id names ${named} by its id`) as string,
      },
    ]);
  });
});
