import { FAILURE } from '../../../src/model/failures';
import type { SharedImageResult } from '../../../src/model/images/share';
import { expectFailure, failedResult } from '../../support/failure';
import { grantsOn, imageInputs, imagesLeft, openTo } from '../../support/images';
import { aKey, anInstance, type SeededInstance } from '../../support/seed';
import { until } from '../../support/until';
import { aWorld, type World } from '../../support/world';

describe('createShareableAmi that fails', () => {
  let world: World;
  let instance: SeededInstance;
  let key: string;
  let asked: ReturnType<typeof imageInputs>;

  beforeAll(async () => {
    world = await aWorld({ otherAccounts: 2 });
    [instance, key] = await Promise.all([anInstance(world.home), aKey(world.home)]);
    asked = imageInputs(world, instance.instanceId, key);
  });
  afterAll(() => world.close());
  beforeEach(() => world.proxy.reset());

  const run = (input: unknown) => world.run<SharedImageResult>('createShareableAmi', input);
  const inventory = () => imagesLeft(world.home, key);

  it.each(['CreateImage', 'CopyImage', 'DeregisterImage', 'DeleteSnapshot'])(
    'leaves nothing behind when %s is refused',
    async (action) => {
      const before = await inventory();
      world.proxy.fault(action, { before: { code: 'UnauthorizedOperation', status: 403 } }, 1);
      const message = await expectFailure(run(asked()), FAILURE.accessDenied);
      expect(message).toContain(`ec2:${action}`);
      expect(await inventory()).toEqual(before);
    },
  );

  it.each(['CreateGrant', 'ModifySnapshotAttribute', 'ModifyImageAttribute'])(
    'removes the image again when %s is refused for every partner',
    async (action) => {
      const before = await inventory();
      world.proxy.fault(action, { before: { code: 'AccessDeniedException', status: 403 } });
      const result = await failedResult<SharedImageResult>(run(asked()), FAILURE.allFailed);

      expect(result).toMatchObject({ success: false, amiId: '', sharedWith: { total: 0 } });
      expect(result.failed.items).toEqual(
        world.others.map(
          ({ accountId }) =>
            expect.objectContaining({ item: accountId, type: FAILURE.accessDenied }) as unknown,
        ),
      );
      expect(await inventory()).toEqual(before);
    },
  );

  it.each(['CreateGrant', 'ModifySnapshotAttribute', 'ModifyImageAttribute'])(
    'undoes the partner for whom %s is refused, and serves the other',
    async (action) => {
      world.proxy.fault(action, { before: { code: 'AccessDeniedException', status: 403 } }, 1);
      const input = asked();
      const result = await failedResult<SharedImageResult>(run(input), FAILURE.partialFailure);

      const [refused, served] = input.partnerAccounts as [string, string];
      expect(result).toMatchObject({
        success: false,
        sharedWith: { items: [served] },
        failed: { items: [{ item: refused }] },
      });
      expect(await openTo(world.home, result.amiId, result.snapshots.items)).toEqual({
        launch: [served],
        volumes: [[served], [served]],
        groups: [],
      });
      const names = (await grantsOn(world.home, key)).map(({ Name }) => Name);
      expect(names).toContain(`holdfast/${result.amiId}/${served}`);
      expect(names).not.toContain(`holdfast/${result.amiId}/${refused}`);
    },
  );

  it.each(['CopyImage', 'CreateGrant', 'ModifyImageAttribute'])(
    'leaves nothing behind when it is cancelled at %s',
    async (action) => {
      const before = await inventory();
      world.proxy.fault(action, { before: { code: 'RequestLimitExceeded', status: 503 } });
      const handle = await world.start('createShareableAmi', asked());
      await until(() => world.proxy.callsOf(action).length > 0);
      world.proxy.reset();
      world.proxy.fault(action, { before: { code: 'RequestLimitExceeded', status: 503 } });
      await handle.cancel();
      await expect(handle.result()).rejects.toThrow();

      expect(await inventory()).toEqual(before);
      const { searchAttributes } = await handle.describe();
      expect(searchAttributes.HoldfastOutcome).toEqual(['Cancelled']);
    },
  );

  it('takes a partner back whose share was complete when the run is cancelled at the next', async () => {
    const before = await inventory();
    world.proxy.fault('CreateGrant', { before: { code: 'ThrottlingException' } }, [2, 3, 4, 5, 6, 7, 8]);
    const handle = await world.start('createShareableAmi', asked());
    await until(() => world.proxy.callsOf('CreateGrant').length >= 2);
    await handle.cancel();
    await expect(handle.result()).rejects.toThrow();
    expect(await inventory()).toEqual(before);
  });
});
