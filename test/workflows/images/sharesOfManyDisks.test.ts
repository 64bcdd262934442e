import { createActivities } from '../../../src/activities';
import { DEFAULT_SETTINGS } from '../../../src/activities/support/deps';
import { FAILURE } from '../../../src/model/failures';
import type { SharedImageResult } from '../../../src/model/images/share';
import { AwsServer } from '../../support/awsServer';
import { failedResult } from '../../support/failure';
import { imageInputs } from '../../support/images';
import { aKey, anInstance, MANY_DATA_VOLUMES } from '../../support/seed';
import { SPEED, VirtualTime } from '../../support/virtualTime';
import { aWorld, type World } from '../../support/world';

const DISKS = MANY_DATA_VOLUMES.length + 1;

/** Every call takes half a second of virtual time. */
describe('an image of a machine with many disks', () => {
  const time = new VirtualTime();
  let aws: AwsServer;
  let world: World;
  let asked: ReturnType<typeof imageInputs>;

  beforeAll(async () => {
    time.disturbs = false;
    aws = await AwsServer.start('--speed', String(SPEED));
    world = await aWorld({
      ...{ aws: aws.endpoint, otherAccounts: 1, settings: DEFAULT_SETTINGS },
      override: (_, deps) =>
        time.watching(createActivities({ ...deps, waits: time, aws: time.clients(deps.aws) })),
    });
    const { instanceId } = await anInstance(world.home, { data: MANY_DATA_VOLUMES });
    asked = imageInputs(world, instanceId, await aKey(world.home));
  });
  afterAll(async () => {
    await world.close();
    aws.stop();
  });
  beforeEach(() => world.proxy.reset());
  // Also of a run that hangs: it says why.
  afterEach(() => expect(time.tooLong()).toEqual([]));

  it('is shared within the timeouts of production', async () => {
    const result = await world.run<SharedImageResult>('createShareableAmi', asked());
    expect(result).toMatchObject({ success: true, snapshots: { total: DISKS } });
  });

  it('is taken back within them', async () => {
    world.proxy.fault('ModifyImageAttribute', { before: { code: 'UnauthorizedOperation', status: 403 } });
    const run = world.run<SharedImageResult>('createShareableAmi', asked());
    await failedResult(run, FAILURE.allFailed);
    expect(world.proxy.callsOf('ModifySnapshotAttribute').length).toBeGreaterThanOrEqual(2 * DISKS);
  });
});
