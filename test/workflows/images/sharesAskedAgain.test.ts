import {
  CreateTagsCommand,
  DisableImageBlockPublicAccessCommand,
  DescribeImagesCommand,
  ModifyImageAttributeCommand,
  RegisterImageCommand,
  type Image,
} from '@aws-sdk/client-ec2';
import {
  CreateGrantCommand,
  DisableKeyCommand,
  EnableKeyCommand,
  type GrantOperation,
} from '@aws-sdk/client-kms';
import { FAILURE } from '../../../src/model/failures';
import { TAG } from '../../../src/model/names';
import type { SharedImageResult } from '../../../src/model/images/share';
import { failedResult } from '../../support/failure';
import { grantsOn, imageCalled, imageInputs, openTo } from '../../support/images';
import { aKey, anInstance } from '../../support/seed';
import { aWorld, type World } from '../../support/world';

const DENIED = { before: { code: 'AccessDeniedException', status: 403 } };

/** A share's own, and one more: to KMS that is another grant, whatever its name. */
const MORE_THAN_ASKED: GrantOperation[] = [
  'DescribeKey',
  'Decrypt',
  'Encrypt',
  'ReEncryptFrom',
  'ReEncryptTo',
  'GenerateDataKeyWithoutPlaintext',
  'CreateGrant',
];

/** What was planned, and is relied on at a step that nobody can take back: a partner may copy at once; what is deleted is gone. */
describe('sharing asks again', () => {
  let world: World;
  let instanceId = '';
  let key = '';
  let asked: ReturnType<typeof imageInputs>;

  beforeAll(async () => {
    world = await aWorld({ otherAccounts: 1 });
    ({ instanceId } = await anInstance(world.home, { data: [] }));
    key = await aKey(world.home);
    asked = imageInputs(world, instanceId, key);
  });
  afterAll(() => world.close());
  beforeEach(() => world.proxy.reset());

  const ec2 = () => world.home.ec2();
  const run = (input: unknown) => world.run<SharedImageResult>('createShareableAmi', input);
  const called = async (amiName: string) => (await imageCalled(world.home, amiName))!;
  const snapshotOf = ({ BlockDeviceMappings = [] }: Image) => BlockDeviceMappings[0]?.Ebs?.SnapshotId ?? '';
  const openness = async (image: Image) => {
    const { launch, volumes } = await openTo(world.home, image.ImageId ?? '', [snapshotOf(image)]);
    return [launch, ...volumes].flat();
  };

  it.each(['CreateGrant', 'ModifySnapshotAttribute'])(
    'whether the key can be used, after %s',
    async (action) => {
      const held = () => world.home.kms().send(new DisableKeyCommand({ KeyId: key }));
      world.proxy.fault(action, { held: async () => void (await held()) }, 1);
      try {
        const result = await failedResult<SharedImageResult>(run(asked()), FAILURE.allFailed);
        expect(result.failed.items[0]).toMatchObject({ type: FAILURE.keyUnusable });
        expect(world.proxy.callsOf('ModifyImageAttribute')).toEqual([]);
      } finally {
        await world.home.kms().send(new EnableKeyCommand({ KeyId: key }));
      }
    },
  );

  it('whether the image is public by now', async () => {
    await ec2().send(new DisableImageBlockPublicAccessCommand({}));
    const input = asked({ kmsKeyId: undefined });
    const held = async () => {
      const { ImageId } = await called(input.amiName);
      const LaunchPermission = { Add: [{ Group: 'all' as const }] };
      await ec2().send(new ModifyImageAttributeCommand({ ImageId, LaunchPermission }));
    };
    world.proxy.fault('ModifySnapshotAttribute', { held }, 1);
    const result = await failedResult<SharedImageResult>(run(input), FAILURE.allFailed);
    expect(result.failed.items[0]).toMatchObject({ type: FAILURE.notShareable });
    const left = await called(input.amiName);
    expect(await openness(left)).toEqual([]);
    expect(result.warnings).toContainEqual(expect.stringContaining(`shared with all`));
  });

  describe('before an image is removed: it stays as a whole, and is named, when', () => {
    const uses: [string, (image: Image) => Promise<unknown>, RegExp][] = [
      [
        'somebody else shares it',
        ({ ImageId }) => {
          const LaunchPermission = { Add: [{ UserId: '555555555555' }] };
          return ec2().send(new ModifyImageAttributeCommand({ ImageId, LaunchPermission }));
        },
        /shared with 555555555555/,
      ],
      [
        'its snapshot is on hold',
        (image) => {
          const Tags = [{ Key: `${TAG.holdPrefix}case-7`, Value: 'court' }];
          return ec2().send(new CreateTagsCommand({ Resources: [snapshotOf(image)], Tags }));
        },
        /on legal hold/,
      ],
      [
        'another image uses its snapshot',
        (image) =>
          ec2().send(
            new RegisterImageCommand({
              Name: `${image.Name}-other`,
              RootDeviceName: '/dev/xvda',
              BlockDeviceMappings: [{ DeviceName: '/dev/xvda', Ebs: { SnapshotId: snapshotOf(image) } }],
            }),
          ),
        /uses snap-/,
      ],
    ];

    it.each(uses)('%s', async (_what, use, why) => {
      const input = asked();
      world.proxy.fault(
        'CreateGrant',
        { held: async () => void (await use(await called(input.amiName))) },
        1,
      );
      world.proxy.fault('ModifyImageAttribute', DENIED);
      const result = await failedResult<SharedImageResult>(run(input), FAILURE.allFailed);
      const left = await called(input.amiName);
      expect(result).toMatchObject({
        amiId: left.ImageId,
        warnings: [expect.stringMatching(new RegExp(`${left.ImageId}.*${why.source}`))],
      });
      const { Images = [] } = await ec2().send(new DescribeImagesCommand({ ImageIds: [left.ImageId ?? ''] }));
      expect(Images[0]?.State).toBe('available');
      expect(await openness(left)).not.toContain(world.others[0]!.accountId);
    });
  });

  it('who gave a permission: what somebody else gave meanwhile stays', async () => {
    const [partner] = world.others;
    const input = asked({ kmsKeyId: undefined });
    const held = async () => {
      const { ImageId } = await called(input.amiName);
      const LaunchPermission = { Add: [{ UserId: partner!.accountId }] };
      await ec2().send(new ModifyImageAttributeCommand({ ImageId, LaunchPermission }));
    };
    world.proxy.fault('ModifySnapshotAttribute', { held }, 1);
    // The look after the share.
    world.proxy.fault(
      ({ action, params }) => action === 'DescribeImageAttribute' && params.Attribute === 'launchPermission',
      DENIED,
      3,
    );
    await failedResult(run(input), FAILURE.allFailed);
    expect(await openness(await called(input.amiName))).toEqual([partner!.accountId]);
  });

  it('whose a grant is: one of its name that allows something else stays', async () => {
    const [partner] = world.others;
    const result = await run(asked({ partnerAccounts: ['111111111111'] }));
    const Name = `holdfast/${result.amiId}/${partner!.accountId}`;
    const grant = { KeyId: key, Name, GranteePrincipal: `arn:aws:iam::${partner!.accountId}:root` };
    const { GrantId } = await world.home
      .kms()
      .send(new CreateGrantCommand({ ...grant, Operations: MORE_THAN_ASKED }));
    world.proxy.fault('ModifyImageAttribute', DENIED);
    await failedResult(run({ ...asked(), amiName: result.name }), FAILURE.allFailed);
    expect(world.proxy.callsOf('CreateGrant')).toHaveLength(2);
    const left = (await grantsOn(world.home, key)).filter((each) => each.Name === Name);
    expect(left.map((each) => each.GrantId)).toEqual([GrantId]);
  });
});
