import { createActivities } from '../../../src/activities';
import { DEFAULT_SETTINGS } from '../../../src/activities/support/deps';
import type { EnforceExpiryResult } from '../../../src/model/retention/expiry';
import type { SweepOrphansResult } from '../../../src/model/operations/sweep';
import { hugePlace, manyPolicies } from '../../support/hugePlace';
import { VirtualTime } from '../../support/virtualTime';
import { aWorld, type World } from '../../support/world';

const SNAPSHOTS = 50_000;
const POLICIES = 2_000;

/** Every call takes half a second of virtual time, every description of a Schedule a tenth. */
describe('a place with 50,000 locked snapshots, and 2,000 policies', () => {
  const time = new VirtualTime();
  let world: World;

  beforeAll(async () => {
    time.disturbs = false;
    world = await aWorld({
      settings: DEFAULT_SETTINGS,
      override: (_, deps) =>
        time.watching(
          createActivities({
            ...deps,
            waits: time,
            temporal: manyPolicies(deps.temporal, POLICIES, time),
            aws: time.clients(hugePlace(deps.aws, SNAPSHOTS, Date.now())),
          }),
        ),
    });
  });
  afterAll(() => world.close());
  // Also of a run that hangs: it says why.
  afterEach(() => expect(time.tooLong()).toEqual([]));

  it('is decided about within the timeouts of production', async () => {
    const result = await world.run<EnforceExpiryResult>('enforceExpiry', { dryRun: true });
    expect(result.kept.total).toBe(SNAPSHOTS);
    expect(result.failed.items).toEqual([]);
  });

  it('is swept within them', async () => {
    const result = await world.run<SweepOrphansResult>('sweepOrphans', { dryRun: true });
    expect(result.failed.items).toEqual([]);
  });

  it('is planned for within them', async () => {
    const plan = world.run('planBackupPolicy', {
      ...{ policyName: 'one-more', frequency: '4h', retention: '30d' },
    });
    expect(await plan).toMatchObject({ change: 'CREATE' });
  });
});
