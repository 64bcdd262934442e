import {
  CopyImageCommand,
  CopySnapshotCommand,
  CreateImageCommand,
  CreateTagsCommand,
  DescribeImagesCommand,
  DescribeSnapshotsCommand,
  RegisterImageCommand,
  type Image,
  type Snapshot,
  type Tag,
} from '@aws-sdk/client-ec2';
import { imageCopyRequest, instanceImageRequest } from '../../../src/activities/images/proof';
import { FAILURE } from '../../../src/model/failures';
import { imageDescription } from '../../../src/model/images/image';
import { makerTags } from '../../../src/model/maker';
import { TAG } from '../../../src/model/names';
import type { SharedImageResult } from '../../../src/model/images/share';
import { HOME_REGION } from '../../support/accounts';
import { awaitResult } from '../../support/awaitResult';
import { expectFailure, failedResult } from '../../support/failure';
import { imageInputs, openTo } from '../../support/images';
import { aKey, anInstance } from '../../support/seed';
import { until } from '../../support/until';
import { aWorld, type World } from '../../support/world';

const DENIED = { before: { code: 'AccessDeniedException', status: 403 } };
const THROTTLED = { before: { code: 'RequestLimitExceeded', status: 503 } };

/** Whoever may tag images and name them can give one every mark of a request: only AWS says what it was made of. */
describe('images with copied marks', () => {
  let world: World;
  let ours = '';
  let theirs = '';
  let key = '';
  let asked: ReturnType<typeof imageInputs>;

  beforeAll(async () => {
    world = await aWorld({ otherAccounts: 1 });
    const [one, other, made] = await Promise.all([
      anInstance(world.home),
      anInstance(world.home),
      aKey(world.home),
    ]);
    [ours, theirs, key] = [one.instanceId, other.instanceId, made];
    asked = imageInputs(world, ours, key);
  });
  afterAll(() => world.close());
  beforeEach(() => world.proxy.reset());

  const ec2 = (region?: string) => world.home.ec2(region);
  const target = () => ({ accountId: world.home.accountId, region: HOME_REGION });
  const run = (input: unknown) => world.run<SharedImageResult>('createShareableAmi', input);
  const MAKER = { workflowId: 'somebody', runId: 'run-of-somebody' };

  async function image(ImageId: string, region?: string): Promise<Image | undefined> {
    const Filters = [{ Name: 'image-id', Values: [ImageId] }];
    return (await ec2(region).send(new DescribeImagesCommand({ Owners: ['self'], Filters }))).Images?.[0];
  }
  const available = async (ImageId = '', region?: string) => {
    await until(async () => (await image(ImageId, region))?.State === 'available');
    return ImageId;
  };
  async function snapshots(): Promise<Snapshot[]> {
    return (await ec2().send(new DescribeSnapshotsCommand({ OwnerIds: ['self'] }))).Snapshots ?? [];
  }
  const snapshotsOf = (made: Image | undefined) =>
    (made?.BlockDeviceMappings ?? []).flatMap(({ Ebs }) => Ebs?.SnapshotId ?? []);

  function marks(request: string, tags: Tag[] = []) {
    const own = Object.entries(makerTags(MAKER, request)).map(([Key, Value]) => ({ Key, Value }));
    const Tags = tags.length > 0 ? tags : own;
    const TagSpecifications = (['image', 'snapshot'] as const).map((ResourceType) => ({
      ResourceType,
      Tags,
    }));
    return { Description: imageDescription('for partners', request), TagSpecifications };
  }

  const MADE_BY: [string, (Name: string, marked: ReturnType<typeof marks>) => Promise<string>][] = [
    [
      'CreateImage of another instance',
      async (Name, marked) => {
        const { ImageId } = await ec2().send(
          new CreateImageCommand({ InstanceId: theirs, Name, NoReboot: true, ...marked }),
        );
        return available(ImageId);
      },
    ],
    [
      'RegisterImage',
      async (Name, marked) => {
        // Of the image alone: https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_RegisterImage.html
        const TagSpecifications = marked.TagSpecifications.slice(0, 1);
        const { ImageId } = await ec2().send(
          new RegisterImageCommand({ Name, RootDeviceName: '/dev/xvda', ...marked, TagSpecifications }),
        );
        return ImageId ?? '';
      },
    ],
    [
      'CopyImage of another instance’s',
      async (Name, marked) => {
        const between = await ec2().send(
          new CreateImageCommand({ InstanceId: theirs, Name: `${Name}-x`, NoReboot: true }),
        );
        const SourceImageId = await available(between.ImageId);
        const copy = { SourceImageId, SourceRegion: HOME_REGION, Encrypted: true, KmsKeyId: key };
        const { ImageId } = await ec2().send(new CopyImageCommand({ Name, ...copy, ...marked }));
        return available(ImageId);
      },
    ],
  ];

  async function untouched(amiId: string): Promise<void> {
    const found = await image(amiId);
    expect(found?.State).toBe('available');
    const open = await openTo(world.home, amiId, snapshotsOf(found));
    expect([open.launch, ...open.volumes].flat()).toEqual([]);
  }

  describe.each([
    ['encrypted', {}],
    ['as it is', { kmsKeyId: undefined }],
  ])('%s', (_how, more) => {
    it.each(MADE_BY)('by %s, there before the run, are refused and named', async (_by, make) => {
      const input = asked(more);
      const request = instanceImageRequest(target(), ours, input.amiName);
      const stranger = await make(input.amiName, marks(request));
      world.proxy.reset();
      const message = await expectFailure(run(input), FAILURE.conflict);
      expect(message).toContain(stranger);
      expect(message).toContain('nothing proves');
      expect(world.proxy.mutations()).toEqual([]);
      await untouched(stranger);
    });
  });

  it('that take the name between plan and call are refused, and what was made goes', async () => {
    const input = asked();
    let stranger = '';
    const held = async () => {
      const { Images = [] } = await ec2().send(new DescribeImagesCommand({ Owners: ['self'] }));
      const staging = Images.find(({ Name }) => Name?.startsWith('holdfast-staging-'));
      const request = instanceImageRequest(target(), ours, input.amiName);
      const tags = (staging?.Tags ?? []).map((tag) =>
        tag.Key === TAG.request ? { ...tag, Value: request } : tag,
      );
      stranger = await MADE_BY[0]![1](input.amiName, marks(request, tags));
    };
    world.proxy.fault('CreateImage', { held }, 1);
    const before = (await snapshots()).length;
    const message = await expectFailure(run(input), FAILURE.conflict);
    expect(message).toContain(stranger);
    expect(message).toContain(theirs);
    await untouched(stranger);
    expect((await snapshots()).length - before).toBe(2);
  });

  /** Somebody's copies of all that carries this run's marks now, with tags and description; ids of the copies. */
  async function copyAll(run: string | undefined): Promise<{ images: string[]; snapshots: string[] }> {
    const isMarked = ({ Tags = [] }: { Tags?: Tag[] }) =>
      Tags.some(({ Key, Value }) => Key === TAG.run && (run === undefined || Value === run));
    const copied = { images: [] as string[], snapshots: [] as string[] };
    const { Images = [] } = await ec2().send(new DescribeImagesCommand({ Owners: ['self'] }));
    const [own, snaps] = [Images.filter(isMarked), (await snapshots()).filter(isMarked)];
    for (const { ImageId = '', Name, Description, Tags } of own) {
      await available(ImageId);
      const TagSpecifications = (['image', 'snapshot'] as const).map((ResourceType) => ({
        ResourceType,
        Tags,
      }));
      const copy = {
        SourceImageId: ImageId,
        SourceRegion: HOME_REGION,
        Name: `${Name?.slice(0, 100)}-copied`,
      };
      const made = await ec2().send(new CopyImageCommand({ ...copy, Description, TagSpecifications }));
      copied.images.push(await available(made.ImageId));
    }
    for (const { SnapshotId, Description, Tags } of snaps) {
      const TagSpecifications = [{ ResourceType: 'snapshot' as const, Tags }];
      const copy = {
        SourceSnapshotId: SnapshotId,
        SourceRegion: HOME_REGION,
        Description,
        TagSpecifications,
      };
      copied.snapshots.push((await ec2().send(new CopySnapshotCommand(copy))).SnapshotId ?? '');
    }
    return copied;
  }

  /** What carries the marks of the run that makes an image of this name, or its staging image, is copied now. */
  async function copyAllFor(amiName: string) {
    const request = instanceImageRequest(target(), ours, amiName);
    const { Images = [] } = await ec2().send(new DescribeImagesCommand({ Owners: ['self'] }));
    const own = Images.find(
      ({ Name }) => Name === amiName || Name?.startsWith(`holdfast-staging-${request}`),
    );
    return copyAll(own?.Tags?.find(({ Key }) => Key === TAG.run)?.Value);
  }

  async function stillThere({ images, snapshots: ids }: { images: string[]; snapshots: string[] }) {
    expect(images.length + ids.length).toBeGreaterThan(2);
    for (const amiId of images) await untouched(amiId);
    const left = (await snapshots()).map(({ SnapshotId }) => SnapshotId);
    expect(left).toEqual(expect.arrayContaining(ids));
  }

  it.each(['CreateImage', 'CopyImage', 'CreateGrant'])(
    'made at %s outlive the undo, and nothing else does',
    async (action) => {
      const before = (await snapshots()).length;
      const input = asked();
      let copies = { images: [] as string[], snapshots: [] as string[] };
      const held = async () => {
        copies = await copyAllFor(input.amiName);
      };
      world.proxy.fault(action, { held }, 1);
      world.proxy.fault('ModifyImageAttribute', DENIED);
      const result = await failedResult<SharedImageResult>(run(input), FAILURE.allFailed);
      expect(result.amiId).toBe('');
      await stillThere(copies);
      // Two disks an image.
      expect((await snapshots()).length - before).toBe(copies.snapshots.length + 2 * copies.images.length);
    },
  );

  it.each(['CreateImage', 'CopyImage'])(
    'made at %s outlive the cancel of a run that never heard its answer',
    async (action) => {
      const before = (await snapshots()).length;
      const input = asked();
      let copies = { images: [] as string[], snapshots: [] as string[] };
      const held = async () => {
        copies = await copyAllFor(input.amiName);
        world.proxy.fault(
          ({ action: called, params }) =>
            called === 'DescribeImages' && JSON.stringify(params).includes('name'),
          THROTTLED,
        );
        throw new Error('the answer is lost');
      };
      world.proxy.fault(action, { held }, 1);
      const handle = await world.start('createShareableAmi', input);
      await until(() => copies.images.length > 0);
      await handle.cancel();
      world.proxy.reset();
      await expect(awaitResult(handle)).rejects.toThrow();
      await stillThere(copies);
      expect((await snapshots()).length - before).toBe(copies.snapshots.length + 2 * copies.images.length);
    },
  );

  it('change nothing for a second run, and are not touched by it', async () => {
    const input = asked();
    const first = await run(input);
    const copies = await copyAll((await image(first.amiId))?.Tags?.find(({ Key }) => Key === TAG.run)?.Value);
    expect((await run(input)).amiId).toBe(first.amiId);
    await stillThere(copies);
  });

  describe('an encrypted image, whose staging image is gone', () => {
    it.each([
      ['is taken over by its evidence when Temporal has forgotten its run', true],
      ['is refused when nobody knows of its run any more', false],
    ])('%s', async (_what, kept) => {
      const input = asked();
      const handle = await world.start('createShareableAmi', input);
      const { amiId } = (await handle.result()) as SharedImageResult;
      const workflowExecution = { workflowId: handle.workflowId };
      const namespace = world.client.options.namespace;
      await world.client.workflowService.deleteWorkflowExecution({ namespace, workflowExecution });
      await until(() =>
        handle.describe().then(
          () => false,
          () => true,
        ),
      );
      if (kept) expect((await run(input)).amiId).toBe(amiId);
      else {
        jest.spyOn(world.evidence, 'get').mockResolvedValue(undefined);
        expect(await expectFailure(run(input), FAILURE.conflict)).toContain(amiId);
        jest.restoreAllMocks();
      }
    });

    it('is not the one whose tags name another run’s', async () => {
      const [one, other] = [asked(), asked({ instanceId: theirs })];
      const genuine = await run(one);
      const made = await run(other);
      const Tags = (await image(genuine.amiId))?.Tags;
      await ec2().send(new CreateTagsCommand({ Resources: [made.amiId], Tags }));
      await expectFailure(run({ ...one, amiName: other.amiName }), FAILURE.conflict);
    });
  });

  it('of another image are not taken for the copy in the partner’s region', async () => {
    const there = 'eu-west-1';
    const [{ amiId, name }, other] = [await run(asked()), await run(asked())];
    const destination = { ...target(), region: there };
    const marked = marks(imageCopyRequest(target(), amiId, destination));
    const keyThere = await aKey(world.home, there);
    const copy = {
      SourceImageId: other.amiId,
      SourceRegion: HOME_REGION,
      Encrypted: true,
      KmsKeyId: keyThere,
    };
    const { ImageId } = await ec2(there).send(new CopyImageCommand({ Name: name, ...copy, ...marked }));
    await available(ImageId, there);
    const partnerAccountId = world.others[0]!.accountId;
    const input = { amiId, destinationRegion: there, partnerAccountId, kmsKeyId: keyThere };
    const message = await expectFailure(world.run('copyAmiToPartnerRegion', input), FAILURE.conflict);
    expect(message).toContain(other.amiId);
    expect((await openTo(world.home, ImageId ?? '', [], there)).launch).toEqual([]);
  });
});
