import { MOST_VOLUMES } from '../../../src/activities/policies/fleets';
import { FAILURE } from '../../../src/model/failures';
import type { TakeInventoryResult } from '../../../src/model/policies/inventory';
import { failedResult } from '../../support/failure';
import { anInstance, aVolume, MANY_DATA_VOLUMES, type SeededInstance } from '../../support/seed';
import { aWorld, type World } from '../../support/world';

describe('takeInventory', () => {
  let world: World;
  let database: SeededInstance;
  let web: SeededInstance;
  let exports: string;

  beforeAll(async () => {
    world = await aWorld({ otherAccounts: 1 });
    [database, web, exports] = await Promise.all([
      anInstance(world.home, { tags: { Name: 'orders', role: 'database' } }),
      anInstance(world.home, { tags: { Name: 'web-1', role: 'web' } }),
      aVolume(world.home, { tags: { role: 'database' } }),
    ]);
    await world.run('createBackupPolicy', {
      policyName: 'databases',
      frequency: '4h',
      retention: '30d',
      selector: { tags: { all: { role: 'database' } }, exclude: { bootVolumes: true } },
      targets: [{ accountId: world.home.accountId }],
    });
  });
  afterAll(() => world.close());

  const inventory = (input: object) => world.run<TakeInventoryResult>('takeInventory', input);

  it('names machines and volumes, what is encrypted, and which policies protect them', async () => {
    const { machines, volumes, targets } = await inventory({});
    expect(targets.items).toEqual([{ accountId: world.home.accountId, region: 'us-east-1' }]);
    expect(machines.items).toMatchObject([
      { instanceId: database.instanceId, name: 'orders', state: 'running', policies: ['databases'] },
      { instanceId: web.instanceId, name: 'web-1', policies: [] },
    ]);
    const disks = new Map(
      (machines.items[0]?.volumes ?? []).map(({ device, ...volume }) => [device, volume]),
    );
    // The policy leaves out what machines start from.
    expect(disks.get('/dev/xvda')).toMatchObject({ policies: [], encrypted: false });
    expect(disks.get('/dev/sdf')).toMatchObject({
      ...{ volumeId: database.volumes['/dev/sdf'], instanceId: database.instanceId },
      ...{ gib: 10, type: 'gp3', state: 'in-use', policies: ['databases'] },
    });
    expect(volumes.items).toMatchObject([{ volumeId: exports, state: 'available', policies: ['databases'] }]);
  });

  it('of what carries a tag has machines with all their volumes', async () => {
    const { machines, volumes } = await inventory({ tags: { all: { role: 'web' } } });
    expect(machines.items.map(({ instanceId, volumes: its }) => [instanceId, its.length])).toEqual([
      [web.instanceId, 2],
    ]);
    expect(volumes.total).toBe(0);
  });

  it('of a policy looks where that does', async () => {
    const { targets, machines } = await inventory({ policyName: 'databases' });
    expect(targets.items).toEqual([{ accountId: world.home.accountId, region: 'us-east-1' }]);
    expect(machines.total).toBe(2);
  });

  it('says of a target that cannot be read why, beside what the others have', async () => {
    const other = world.others[0]?.accountId ?? '';
    const denied = { before: { code: 'UnauthorizedOperation', status: 403 } };
    world.proxy.fault('DescribeInstances', denied, undefined, other);
    const result = await failedResult<TakeInventoryResult>(
      inventory({ targets: [{ accountId: other }, {}] }),
      FAILURE.partialFailure,
    );
    world.proxy.reset();
    expect(result).toMatchObject({ machines: { total: 2 }, failed: { total: 1 } });
    expect(result.failed.items).toMatchObject([{ item: `${other}/us-east-1`, type: FAILURE.accessDenied }]);
  });

  it('lists so many volumes of a machine, and counts the others', async () => {
    await anInstance(world.home, { tags: { role: 'archive' }, data: MANY_DATA_VOLUMES });
    const { machines } = await inventory({ tags: { all: { role: 'archive' } } });
    expect(machines.items.map(({ volumes, moreVolumes }) => [volumes.length, moreVolumes])).toEqual([
      [MOST_VOLUMES, MANY_DATA_VOLUMES.length + 1 - MOST_VOLUMES],
    ]);
  });
});
