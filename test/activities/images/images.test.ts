import {
  CreateSnapshotCommand,
  CreateTagsCommand,
  ModifySnapshotAttributeCommand,
  type EC2Client,
  type Image,
} from '@aws-sdk/client-ec2';
import { CancelledFailure } from '@temporalio/common';
import { MockActivityEnvironment } from '@temporalio/testing';
import { createActivities, type Activities } from '../../../src/activities';
import type { ActivityDeps } from '../../../src/activities/support/deps';
import { instanceImageRequest } from '../../../src/activities/images/proof';
import { AwsSessions } from '../../../src/aws/sessions';
import { FAILURE } from '../../../src/model/failures';
import { imageDescription } from '../../../src/model/images/image';
import type { Target } from '../../../src/model/target';
import { anAccount, HOME_REGION, type TestAccount } from '../../support/accounts';
import { AwsProxy } from '../../support/awsProxy';
import { failureOf } from '../../support/failure';
import { imageCalled, madeImages, madeSnapshots } from '../../support/images';
import { anInstance, type SeededInstance } from '../../support/seed';
import { until } from '../../support/until';
import { shared } from '../../support/shared';
import { awsEnvironment } from '../../support/world';

const SETTINGS = { readLagMs: 20, pollMs: 5 };
const MAKER = { workflowId: 'share golden #1', runId: 'run-1' };

/** Runs as the given attempt of an activity would. */
function inActivity<Result>(body: () => Promise<Result>, attempt = 1): Promise<Result> {
  return new MockActivityEnvironment({ attempt }).run<[], Result, () => Promise<Result>>(body);
}

describe('activities for images', () => {
  let home: TestAccount;
  let proxy: AwsProxy;
  let sessions: AwsSessions;
  let activities: Activities;
  let target: Target;
  let instance: SeededInstance;

  beforeAll(async () => {
    const upstream = shared('awsEndpoint');
    [home, proxy] = await Promise.all([anAccount(upstream), AwsProxy.start(upstream)]);
    Object.assign(process.env, awsEnvironment(home, proxy.endpoint));
    sessions = new AwsSessions({ region: HOME_REGION });
    activities = createActivities({ aws: sessions, settings: SETTINGS } as unknown as ActivityDeps);
    target = { accountId: home.accountId, region: HOME_REGION };
    instance = await anInstance(home);
  });
  beforeEach(() => proxy.reset());
  afterAll(async () => {
    sessions.destroy();
    home.destroy();
    await proxy.stop();
  });

  let named = 0;
  const anImage = () => {
    const name = `golden-${++named}`;
    const request = instanceImageRequest(target, instance.instanceId, name);
    return { target, name, request, description: imageDescription('golden', request), maker: MAKER };
  };
  const create = (image: ReturnType<typeof anImage>, attempt = 1) =>
    inActivity(
      () =>
        activities.createImage({
          ...image,
          instanceId: instance.instanceId,
          reboot: false,
        }),
      attempt,
    );
  const remove = (request: string, runId = MAKER.runId) =>
    inActivity(() => activities.removeImages({ target, request, runId }));

  describe('createImage', () => {
    it('finds on a retry what the first attempt made', async () => {
      const image = anImage();
      const amiId = await create(image);
      expect(await create(image, 2)).toBe(amiId);
      expect(proxy.callsOf('CreateImage')).toHaveLength(1);
    });

    it('makes it on a retry when the first attempt did not', async () => {
      const image = anImage();
      const amiId = await create(image, 2);
      expect((await imageCalled(home, image.name))?.ImageId).toBe(amiId);
    });

    it('refuses a name that was taken meanwhile', async () => {
      const image = anImage();
      await create(image);
      const failure = await failureOf(create({ ...image, request: 'another' }));
      expect(failure).toMatchObject({ type: FAILURE.conflict, nonRetryable: true });
    });
  });

  describe('copyImage', () => {
    it('makes one copy, however often it is called', async () => {
      const source = anImage();
      const amiId = await create(source);
      await until(async () => (await imageCalled(home, source.name))?.State === 'available');
      const copy = { ...anImage(), source: target, amiId };
      const call = (attempt: number) => inActivity(() => activities.copyImage(copy), attempt);
      const first = await call(1);
      expect([await call(1), await call(2)]).toEqual([first, first]);
      const copies = (await madeImages(home)).filter(({ Name }) => Name === copy.name);
      expect(copies).toHaveLength(1);
    });
  });

  describe('removeImages', () => {
    it('takes the image and its snapshots, and has nothing to do the second time', async () => {
      const image = anImage();
      const amiId = await create(image);
      const removed = await remove(image.request);
      expect(removed[0]).toBe(amiId);
      expect(removed).toHaveLength(3);
      expect(await imageCalled(home, image.name)).toBeUndefined();
      expect(await remove(image.request)).toEqual([]);
    });

    it('finishes what was interrupted after the image went', async () => {
      const image = anImage();
      await create(image);
      proxy.fault('DeleteSnapshot', { before: { code: 'RequestLimitExceeded', status: 503 } }, 1);
      expect((await failureOf(remove(image.request))).type).toBe(FAILURE.throttled);
      // The other one has gone meanwhile.
      expect(await remove(image.request)).toHaveLength(1);
      expect(await snapshotsFor(image.request)).toEqual([]);
    });

    it('leaves what another run made for the same request', async () => {
      const image = anImage();
      const amiId = await create(image);
      expect(await remove(image.request, 'run-2')).toEqual([]);
      expect((await imageCalled(home, image.name))?.ImageId).toBe(amiId);
    });

    it('leaves a snapshot of somebody’s that carries copied tags', async () => {
      const image = anImage();
      await create(image);
      const Tags = (await madeSnapshots(home)).find((each) => hasTag(each, image.request))?.Tags;
      const mine = await home
        .ec2()
        .send(new CreateSnapshotCommand({ VolumeId: instance.volumes['/dev/xvda'], Description: 'my own' }));
      const SnapshotId = mine.SnapshotId ?? '';
      await home.ec2().send(new CreateTagsCommand({ Resources: [SnapshotId], Tags }));
      await remove(image.request);
      expect(await snapshotsFor(image.request)).toEqual([SnapshotId]);
    });

    it('leaves a snapshot of an image that is still there', async () => {
      const image = anImage();
      const other = anImage();
      await create(image);
      await create(other);
      const [theirs] = await snapshotsFor(other.request);
      const Tags = (await madeSnapshots(home)).find((each) => hasTag(each, image.request))?.Tags;
      await home.ec2().send(new CreateTagsCommand({ Resources: [theirs ?? ''], Tags }));
      await remove(image.request);
      expect(await snapshotsFor(image.request)).toEqual([theirs]);
    });

    const hasTag = ({ Tags = [] }: { Tags?: { Value?: string }[] }, request: string) =>
      Tags.some(({ Value }) => Value === request);

    async function snapshotsFor(request: string): Promise<(string | undefined)[]> {
      return (await madeSnapshots(home))
        .filter((each) => hasTag(each, request))
        .map(({ SnapshotId }) => SnapshotId);
    }
  });

  describe('shares', () => {
    const partner = '222222222222';

    it('take back only what is there', async () => {
      const amiId = await create(anImage());
      await inActivity(() => activities.unshareLaunch({ target, amiId, partner }));
      expect(proxy.callsOf('ModifyImageAttribute')).toEqual([]);
      await inActivity(() => activities.shareLaunch({ target, amiId, partner }));
      await inActivity(() => activities.unshareLaunch({ target, amiId, partner }));
      expect(proxy.callsOf('ModifyImageAttribute')).toHaveLength(2);
    });

    it('have nothing to take back of what is gone', async () => {
      const gone = {
        target,
        partner,
        snapshotIds: ['snap-0123456789abcdef0'],
        amiId: 'ami-0123456789abcdef0',
      };
      await inActivity(() => activities.unshareSnapshots(gone));
      await inActivity(() => activities.unshareLaunch(gone));
      expect(proxy.mutations()).toEqual([]);
    });

    it('refuse a public snapshot', async () => {
      const amiId = await create(anImage());
      const { snapshots } = await activities.readImage({ target, amiId });
      const snapshotIds = snapshots.map(({ snapshotId }) => snapshotId);
      await home.ec2().send(
        new ModifySnapshotAttributeCommand({
          SnapshotId: snapshotIds[0],
          CreateVolumePermission: { Add: [{ Group: 'all' }] },
        }),
      );
      const image = { amiId, snapshotIds, kmsKeyIds: [] };
      const failure = await failureOf(activities.readShare({ target, image, partner }));
      expect(failure).toMatchObject({ type: FAILURE.notShareable, nonRetryable: true });
      expect(failure.message).toContain(snapshotIds[0]);
    });
  });
});

describe('waitForImages', () => {
  const target = { accountId: '111111111111', region: HOME_REGION };

  /** An EC2 that answers DescribeImages with these pages, the last one for ever. */
  function waiting(...answers: Partial<Image>[][]) {
    const send = jest.fn(() =>
      Promise.resolve({ Images: answers.length > 1 ? answers.shift() : answers[0] }),
    );
    const ec2 = { send } as unknown as EC2Client;
    const activities = createActivities({
      aws: { ec2: () => ec2 },
      settings: SETTINGS,
    } as unknown as ActivityDeps);
    const environment = new MockActivityEnvironment();
    const heartbeats: unknown[] = [];
    environment.on('heartbeat', (details: unknown) => heartbeats.push(details));
    const amiIds = ['ami-1', 'ami-2'];
    const wait = environment.run(() => activities.waitForImages({ target, amiIds }));
    return { wait, environment, heartbeats, send };
  }
  const image = (ImageId: string, State: Image['State'], Message?: string): Image => ({
    ImageId,
    State,
    StateReason: { Message },
  });

  it('asks for all that are open at once until each is available, and heartbeats', async () => {
    const { wait, heartbeats, send } = waiting(
      [image('ami-1', 'pending')],
      [image('ami-1', 'pending'), image('ami-2', 'available')],
      [image('ami-1', 'available')],
    );
    await wait;
    expect(send).toHaveBeenCalledTimes(3);
    expect(heartbeats.at(-1)).toEqual({ waitingFor: ['ami-1'] });
  });

  it.each(['failed', 'error', 'invalid', 'deregistered', 'disabled'] as const)(
    'fails with AWS’s reason when an image is %s',
    async (state) => {
      const { wait } = waiting([image('ami-1', 'available'), image('ami-2', state, 'key not accessible')]);
      const failure = await failureOf(wait);
      expect(failure).toMatchObject({ type: FAILURE.resourceFailed, nonRetryable: true });
      expect(failure.message).toBe(`image ami-2 in 111111111111/us-east-1 is ${state}: key not accessible`);
    },
  );

  it('fails when an image that was there is gone', async () => {
    const { wait } = waiting([image('ami-1', 'pending'), image('ami-2', 'available')], []);
    expect((await failureOf(wait)).message).toContain('ami-1 in 111111111111/us-east-1 is gone');
  });

  it('gives up on an image that never shows', async () => {
    const { wait, send } = waiting([image('ami-1', 'available')]);
    expect((await failureOf(wait)).message).toContain('ami-2 in 111111111111/us-east-1 is gone');
    // One empty answer is not believed; how many there are in the time depends on the machine.
    expect(send.mock.calls.length).toBeGreaterThan(1);
  });

  it('stops when it is cancelled', async () => {
    const { wait, environment } = waiting([image('ami-1', 'pending'), image('ami-2', 'pending')]);
    setTimeout(() => environment.cancel(), 30);
    await expect(wait).rejects.toThrow(CancelledFailure);
  });
});
