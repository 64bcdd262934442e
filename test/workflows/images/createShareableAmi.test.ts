import {
  CreateTagsCommand,
  DisableEbsEncryptionByDefaultCommand,
  DisableImageBlockPublicAccessCommand,
  EnableEbsEncryptionByDefaultCommand,
  ModifyEbsDefaultKmsKeyIdCommand,
  ModifyImageAttributeCommand,
  RegisterImageCommand,
} from '@aws-sdk/client-ec2';
import { DisableKeyCommand } from '@aws-sdk/client-kms';
import { FAILURE } from '../../../src/model/failures';
import { TAG } from '../../../src/model/names';
import type { SharedImageResult } from '../../../src/model/images/share';
import { expectFailure, failedResult } from '../../support/failure';
import { grantsOn, imageCalled, imageInputs, imagesLeft, openTo, sharedWith } from '../../support/images';
import { aKey, anInstance, tagsOf, type SeededInstance } from '../../support/seed';
import { aWorld, type World } from '../../support/world';

describe('createShareableAmi', () => {
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
  const partnerIds = () => world.others.map(({ accountId }) => accountId).sort();

  const inventory = () => imagesLeft(world.home, key);

  describe('with a key', () => {
    it('makes an encrypted image that both partners can use', async () => {
      const input = asked({ requestedBy: 'ann', ticket: 'OPS-1' });
      const before = await inventory();
      const result = await run(input);

      expect(result).toMatchObject({
        success: true,
        name: input.amiName,
        region: 'us-east-1',
        encrypted: true,
        kmsKeyId: key,
        warnings: [],
      });
      expect([...result.sharedWith.items].sort()).toEqual(partnerIds());
      expect(result.snapshots.total).toBe(2);

      const image = await imageCalled(world.home, input.amiName);
      expect(image).toMatchObject({ ImageId: result.amiId, State: 'available' });
      expect(image?.Description).toMatch(/^for partners \(holdfast\/[0-9a-f]{16}\)$/);
      expect(tagsOf(image!)).toMatchObject({
        [TAG.sourceInstance]: instance.instanceId,
        [TAG.requestedBy]: 'ann',
        [TAG.ticket]: 'OPS-1',
      });

      for (const partner of world.others) expect(await sharedWith(partner)).toContain(result.amiId);
      expect(await openTo(world.home, result.amiId, result.snapshots.items)).toEqual({
        launch: partnerIds(),
        volumes: [partnerIds(), partnerIds()],
        groups: [],
      });
      const after = await inventory();
      // Of the image that stood in between, and of its snapshots, nothing is left.
      expect(after.images.length - before.images.length).toBe(1);
      expect(after.snapshots.length - before.snapshots.length).toBe(2);
      expect(after.grants.length - before.grants.length).toBe(2);
    });

    it('grants each partner what launching and copying take, and no more', async () => {
      const { amiId } = await run(asked());
      const grants = (await grantsOn(world.home, key)).filter(({ Name }) => Name?.includes(amiId));
      expect(grants.map(({ GranteePrincipal }) => GranteePrincipal).sort()).toEqual(
        partnerIds().map((account) => `arn:aws:iam::${account}:root`),
      );
      for (const { Operations = [] } of grants)
        expect([...Operations].sort()).toEqual([
          'CreateGrant',
          'Decrypt',
          'DescribeKey',
          'GenerateDataKeyWithoutPlaintext',
          'ReEncryptFrom',
          'ReEncryptTo',
        ]);
    });

    it('does not restart the instance unless it is told to', async () => {
      await run(asked());
      await run(asked({ reboot: true }));
      const [first, second] = world.proxy.callsOf('CreateImage');
      expect(first?.params.NoReboot).toBe('true');
      expect(second?.params.NoReboot).toBe('false');
    });

    it('makes nothing new when run twice', async () => {
      const input = asked();
      const first = await run(input);
      const before = await inventory();
      world.proxy.reset();
      const second = await run(input);

      expect(second.amiId).toBe(first.amiId);
      expect(second.sharedWith).toEqual(first.sharedWith);
      expect(world.proxy.mutations()).toEqual([]);
      expect(await inventory()).toEqual(before);
    });

    it('makes one image when two runs ask at once', async () => {
      const input = asked();
      const before = await inventory();
      const [one, two] = await Promise.all([run(input), run(input)]);

      expect(one.amiId).toBe(two.amiId);
      const after = await inventory();
      expect(after.images.length - before.images.length).toBe(1);
      expect(after.snapshots.length - before.snapshots.length).toBe(2);
      expect(after.grants.length - before.grants.length).toBe(2);
    });

    it('says of an image that it takes over what that image is, not what the input would make', async () => {
      const input = asked();
      const first = await run(input);
      const second = await run({ ...input, kmsKeyId: undefined });
      expect(second).toEqual(first);
      expect(second).toMatchObject({ encrypted: true, kmsKeyId: key, warnings: [] });
    });

    it('adds a partner to the image that is there', async () => {
      const [one, two] = partnerIds() as [string, string];
      const input = asked({ partnerAccounts: [one] });
      const { amiId } = await run(input);
      const result = await run({ ...input, partnerAccounts: [one, two] });
      expect(result).toMatchObject({ amiId, sharedWith: { items: [one, two] } });
      expect(world.proxy.callsOf('ModifyImageAttribute')).toHaveLength(2);
    });

    it.each(['CreateImage', 'CopyImage', 'CreateGrant', 'ModifyImageAttribute', 'ModifySnapshotAttribute'])(
      'does everything once when the response of %s is lost',
      async (action) => {
        const before = await inventory();
        world.proxy.fault(action, { after: 'lose the response' }, 1);
        const { amiId } = await run(asked());
        const after = await inventory();
        expect(after.images.length - before.images.length).toBe(1);
        expect(after.snapshots.length - before.snapshots.length).toBe(2);
        expect((await grantsOn(world.home, key)).filter(({ Name }) => Name?.includes(amiId))).toHaveLength(2);
      },
    );
  });

  describe('without a key', () => {
    it('warns that the image is not encrypted', async () => {
      const result = await run(asked({ kmsKeyId: undefined }));
      expect(result).toMatchObject({ success: true, encrypted: false, snapshots: { total: 2 } });
      expect(result.kmsKeyId).toBeUndefined();
      expect(result.warnings).toEqual([expect.stringContaining('NOT encrypted')]);
      expect(world.proxy.callsOf('CopyImage')).toEqual([]);
      expect(world.proxy.callsOf('CreateGrant')).toEqual([]);
      expect(await sharedWith(world.others[0]!)).toContain(result.amiId);
    });

    it('takes the default key where encryption by default is on', async () => {
      const ec2 = world.home.ec2();
      await ec2.send(new ModifyEbsDefaultKmsKeyIdCommand({ KmsKeyId: key }));
      await ec2.send(new EnableEbsEncryptionByDefaultCommand({}));
      try {
        const result = await run(asked({ kmsKeyId: undefined }));
        expect(result).toMatchObject({ encrypted: true, kmsKeyId: key, warnings: [] });
      } finally {
        await ec2.send(new DisableEbsEncryptionByDefaultCommand({}));
      }
    });
  });

  it('finds the image and its partners in the Web UI', async () => {
    const input = asked();
    const handle = await world.start('createShareableAmi', input);
    const { amiId } = (await handle.result()) as SharedImageResult;
    const { searchAttributes } = await handle.describe();
    expect(searchAttributes).toMatchObject({
      HoldfastAccount: [world.home.accountId],
      HoldfastRegion: ['us-east-1'],
      HoldfastResource: [instance.instanceId, amiId],
      HoldfastOutcome: ['Succeeded'],
    });
    const progress = await handle.query<{ rows: { item: string; state: string }[] }, [object]>(
      'progress',
      {},
    );
    expect(progress.rows).toEqual(
      expect.arrayContaining(
        partnerIds().map((item) => expect.objectContaining({ item, state: 'shared' }) as unknown),
      ),
    );
    expect(world.evidence.values()).toContainEqual(
      expect.objectContaining({ result: expect.objectContaining({ amiId }) as unknown }),
    );
  });

  it('refuses a name that another image has, before anything is made', async () => {
    const input = asked();
    await world.home
      .ec2()
      .send(new RegisterImageCommand({ Name: input.amiName, RootDeviceName: '/dev/xvda' }));
    const message = await expectFailure(run(input), FAILURE.conflict);
    expect(message).toContain(input.amiName);
    expect(world.proxy.mutations()).toEqual([]);
  });

  it('does not take over an image that only carries a copied tag', async () => {
    const input = asked();
    const { amiId } = await run(input);
    const tags = (await imageCalled(world.home, input.amiName))?.Tags;
    const { ImageId } = await world.home
      .ec2()
      .send(new RegisterImageCommand({ Name: `${input.amiName}-2`, RootDeviceName: '/dev/xvda' }));
    await world.home.ec2().send(new CreateTagsCommand({ Resources: [ImageId ?? ''], Tags: tags }));
    await expectFailure(run({ ...input, amiName: `${input.amiName}-2` }), FAILURE.conflict);
    expect(await sharedWith(world.others[0]!)).toContain(amiId);
  });

  it('refuses to share what is public already', async () => {
    const input = asked({ kmsKeyId: undefined });
    const { amiId } = await run(input);
    await world.home.ec2().send(new DisableImageBlockPublicAccessCommand({}));
    await world.home
      .ec2()
      .send(
        new ModifyImageAttributeCommand({ ImageId: amiId, LaunchPermission: { Add: [{ Group: 'all' }] } }),
      );
    const result = await failedResult<SharedImageResult>(run(input), FAILURE.allFailed);
    expect(result.failed.items[0]).toMatchObject({ type: FAILURE.notShareable });
    expect(result.amiId).toBe(amiId);
  });

  it.each([
    ['an instance that does not exist', { instanceId: 'i-0123456789abcdef0' }, FAILURE.notFound],
    ['a key that does not exist', { kmsKeyId: 'alias/none' }, FAILURE.keyUnusable],
    ['a key that AWS manages', { kmsKeyId: 'alias/aws/ebs' }, FAILURE.notShareable],
  ])('refuses %s before anything is made', async (_what, more, type) => {
    await expectFailure(run(asked(more)), type);
    expect(world.proxy.mutations()).toEqual([]);
  });

  it('refuses a disabled key before anything is made', async () => {
    const disabled = await aKey(world.home);
    await world.home.kms().send(new DisableKeyCommand({ KeyId: disabled }));
    expect(await expectFailure(run(asked({ kmsKeyId: disabled })), FAILURE.keyUnusable)).toContain(
      'Disabled',
    );
    expect(world.proxy.mutations()).toEqual([]);
  });

  it('refuses the own account as a partner', async () => {
    await expectFailure(run(asked({ partnerAccounts: [world.home.accountId] })), FAILURE.invalidInput);
    expect(world.proxy.mutations()).toEqual([]);
  });

  it('works without the workflow cache', async () => {
    await world.stopWorker();
    await world.startWorker({ cache: false });
    expect((await run(asked())).success).toBe(true);
  });

  it.each([
    ['nothing', () => undefined],
    ['an array', () => []],
    ['no partners', () => asked({ partnerAccounts: [] })],
    ['a partner that is no account id', () => asked({ partnerAccounts: ['acme'] })],
    ['a partner listed twice', () => asked({ partnerAccounts: ['111111111111', '111111111111'] })],
    ['an instance name', () => asked({ instanceId: 'web-1' })],
    ['a name with a colon', () => asked({ amiName: 'golden:1' })],
    ['a short name', () => asked({ amiName: 'ab' })],
    ['a description beyond ASCII', () => asked({ description: 'für alle' })],
    ['a long description', () => asked({ description: 'x'.repeat(221) })],
    ['organizations, which are not there yet', () => asked({ organizationArns: ['arn:aws:…'] })],
    ['an expiry, which is not there yet', () => asked({ expiresAfter: '30d' })],
    ['an unknown field', () => asked({ public: true })],
  ])('refuses %s as InvalidInput without an AWS call', async (_what, input) => {
    await expectFailure(run(input()), FAILURE.invalidInput);
    expect(world.proxy.calls).toEqual([]);
  });
});
