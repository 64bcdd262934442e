import {
  DisableEbsEncryptionByDefaultCommand,
  EnableEbsEncryptionByDefaultCommand,
  ModifyEbsDefaultKmsKeyIdCommand,
  RegisterImageCommand,
} from '@aws-sdk/client-ec2';
import { CreateAliasCommand } from '@aws-sdk/client-kms';
import { FAILURE } from '../../../src/model/failures';
import type { SharedImageResult } from '../../../src/model/images/share';
import type { TestAccount } from '../../support/accounts';
import { expectFailure, failedResult } from '../../support/failure';
import { grantsOn, imageCalled, imagesLeft, openTo, sharedWith } from '../../support/images';
import { aKey, anInstance } from '../../support/seed';
import { until } from '../../support/until';
import { aWorld, type World } from '../../support/world';

const THERE = 'ap-southeast-1';
const ELSEWHERE = 'eu-west-1';

describe('copyAmiToPartnerRegion', () => {
  let world: World;
  let partner: TestAccount;
  let instanceId: string;
  let keys: { here: string; there: string };
  let encrypted: SharedImageResult;
  let plain: SharedImageResult;

  beforeAll(async () => {
    world = await aWorld({ otherAccounts: 1 });
    partner = world.others[0]!;
    const [seeded, here, there] = await Promise.all([
      anInstance(world.home),
      aKey(world.home),
      aKey(world.home, THERE),
    ]);
    instanceId = seeded.instanceId;
    keys = { here, there };
    [encrypted, plain] = await Promise.all([anAmi('encrypted', { kmsKeyId: here }), anAmi('plain')]);
  });
  afterAll(() => world.close());
  beforeEach(() => world.proxy.reset());

  function anAmi(amiName: string, more: object = {}): Promise<SharedImageResult> {
    const partnerAccounts = [partner.accountId];
    return world.run('createShareableAmi', {
      instanceId,
      amiName,
      description: 'x',
      partnerAccounts,
      ...more,
    });
  }

  let named = 0;
  /** An image that no other test copies. */
  const another = () => anAmi(`image-${++named}`, { kmsKeyId: keys.here });

  const asked = (amiId: string, more: object = {}) => ({
    amiId,
    destinationRegion: THERE,
    partnerAccountId: partner.accountId,
    kmsKeyId: keys.there,
    ...more,
  });
  const run = (input: unknown) => world.run<SharedImageResult>('copyAmiToPartnerRegion', input);

  const inventory = () => imagesLeft(world.home, keys.there, THERE);

  it('copies the image under a key of the region, and shares it with the partner there', async () => {
    const result = await run(asked(encrypted.amiId));

    expect(result).toMatchObject({
      success: true,
      name: 'encrypted',
      region: THERE,
      encrypted: true,
      kmsKeyId: keys.there,
      sharedWith: { items: [partner.accountId] },
      snapshots: { total: 2 },
      warnings: [],
    });
    expect(result.amiId).not.toBe(encrypted.amiId);
    expect(await sharedWith(partner, THERE)).toContain(result.amiId);
    expect(await openTo(world.home, result.amiId, result.snapshots.items, THERE)).toEqual({
      launch: [partner.accountId],
      volumes: [[partner.accountId], [partner.accountId]],
      groups: [],
    });
    const copy = await imageCalled(world.home, 'encrypted', THERE);
    expect(copy?.Description).toMatch(
      new RegExp(`^Copied from ${encrypted.amiId} in us-east-1 \\(holdfast/[0-9a-f]{16}\\)$`),
    );
    const grants = await grantsOn(world.home, keys.there, THERE);
    expect(grants.map(({ Name }) => Name)).toEqual([`holdfast/${result.amiId}/${partner.accountId}`]);
  });

  it('makes nothing new when run twice', async () => {
    const { amiId } = await another();
    const first = await run(asked(amiId));
    const before = await inventory();
    world.proxy.reset();
    const second = await run(asked(amiId));

    expect(second.amiId).toBe(first.amiId);
    expect(world.proxy.mutations()).toEqual([]);
    expect(await inventory()).toEqual(before);
  });

  it('copies once when the response of CopyImage is lost', async () => {
    const { amiId } = await another();
    const before = await inventory();
    world.proxy.fault('CopyImage', { after: 'lose the response' }, 1);
    await run(asked(amiId));
    const after = await inventory();
    expect(after.images.length - before.images.length).toBe(1);
    expect(after.snapshots.length - before.snapshots.length).toBe(2);
  });

  it.each(['CopyImage', 'CreateGrant', 'ModifySnapshotAttribute', 'ModifyImageAttribute'])(
    'leaves nothing behind when %s is refused',
    async (action) => {
      const { amiId } = await another();
      const before = await inventory();
      world.proxy.reset();
      world.proxy.fault(action, { before: { code: 'AccessDeniedException', status: 403 } });
      if (action === 'CopyImage') await expectFailure(run(asked(amiId)), FAILURE.accessDenied);
      else {
        const result = await failedResult<SharedImageResult>(run(asked(amiId)), FAILURE.allFailed);
        expect(result).toMatchObject({ amiId: '', failed: { items: [{ item: partner.accountId }] } });
      }
      expect(await inventory()).toEqual(before);
    },
  );

  it('leaves nothing behind when it is cancelled', async () => {
    const { amiId } = await another();
    const before = await inventory();
    world.proxy.reset();
    world.proxy.fault('CreateGrant', { before: { code: 'ThrottlingException' } });
    const handle = await world.start('copyAmiToPartnerRegion', asked(amiId));
    await until(() => world.proxy.callsOf('CreateGrant').length > 0);
    await handle.cancel();
    await expect(handle.result()).rejects.toThrow();
    expect(await inventory()).toEqual(before);
  });

  it('takes the key of the region that has the same alias', async () => {
    const { amiId } = await another();
    const [here, there] = [keys.here, await aKey(world.home, ELSEWHERE)];
    await world.home.kms().send(new CreateAliasCommand({ AliasName: 'alias/images', TargetKeyId: here }));
    await world.home
      .kms(ELSEWHERE)
      .send(new CreateAliasCommand({ AliasName: 'alias/images', TargetKeyId: there }));
    const result = await run(asked(amiId, { destinationRegion: ELSEWHERE, kmsKeyId: undefined }));
    expect(result).toMatchObject({ region: ELSEWHERE, kmsKeyId: there });
  });

  it('refuses an encrypted image when the region has no key for it, and says what to do', async () => {
    const { amiId } = await another();
    world.proxy.reset();
    const message = await expectFailure(run(asked(amiId, { kmsKeyId: undefined })), FAILURE.keyUnusable);
    expect(message).toMatch(/createCustomerManagedKey.*ap-southeast-1/);
    expect(world.proxy.mutations()).toEqual([]);
  });

  it('warns that an image stays unencrypted', async () => {
    const result = await run(asked(plain.amiId, { kmsKeyId: undefined }));
    expect(result).toMatchObject({ success: true, encrypted: false });
    expect(result.warnings).toEqual([expect.stringContaining('NOT encrypted')]);
  });

  it('encrypts an unencrypted image when there is a key', async () => {
    const { amiId } = await anAmi('plain-2');
    expect(await run(asked(amiId))).toMatchObject({ encrypted: true, kmsKeyId: keys.there });
  });

  it('takes the default key where encryption by default is on, unless AWS manages it', async () => {
    const { amiId } = await anAmi('plain-3');
    const ec2 = world.home.ec2(THERE);
    await ec2.send(new EnableEbsEncryptionByDefaultCommand({}));
    try {
      const message = await expectFailure(run(asked(amiId, { kmsKeyId: undefined })), FAILURE.notShareable);
      expect(message).toContain('encrypts by default');
      await ec2.send(new ModifyEbsDefaultKmsKeyIdCommand({ KmsKeyId: keys.there }));
      expect(await run(asked(amiId, { kmsKeyId: undefined }))).toMatchObject({ kmsKeyId: keys.there });
    } finally {
      await ec2.send(new DisableEbsEncryptionByDefaultCommand({}));
    }
  });

  it('refuses a name that another image has there', async () => {
    const { amiId, name } = await another();
    await world.home.ec2(THERE).send(new RegisterImageCommand({ Name: name, RootDeviceName: '/dev/xvda' }));
    const message = await expectFailure(run(asked(amiId)), FAILURE.conflict);
    expect(message).toContain(name);
    expect(message).toContain('give another amiName');
  });

  it('gives the copy another name where it is told to, and takes that copy over', async () => {
    const { amiId, name } = await another();
    await world.home.ec2(THERE).send(new RegisterImageCommand({ Name: name, RootDeviceName: '/dev/xvda' }));
    const renamed = asked(amiId, { amiName: `${name}-copy` });
    const first = await run(renamed);
    expect(first).toMatchObject({ success: true, name: `${name}-copy` });
    world.proxy.reset();
    expect(await run(renamed)).toMatchObject({ amiId: first.amiId });
    expect(world.proxy.mutations()).toEqual([]);
  });

  it('refuses the image of somebody else, also one that is shared with the account', async () => {
    await expectFailure(run(asked('ami-0123456789abcdef0')), FAILURE.notFound);
    await expectFailure(
      run(
        asked(encrypted.amiId, {
          target: { accountId: partner.accountId },
          partnerAccountId: '111111111111',
        }),
      ),
      FAILURE.notFound,
    );
    expect(world.proxy.mutations()).toEqual([]);
  });

  it('refuses a region that the accounts file does not allow', async () => {
    await expectFailure(
      run(asked(encrypted.amiId, { destinationRegion: 'us-west-2' })),
      FAILURE.targetNotAllowed,
    );
    expect(world.proxy.mutations()).toEqual([]);
  });

  it('refuses the own account as the partner', async () => {
    await expectFailure(
      run(asked(encrypted.amiId, { partnerAccountId: world.home.accountId })),
      FAILURE.invalidInput,
    );
  });

  it('refuses the region in which the image is', async () => {
    await expectFailure(
      run(asked(encrypted.amiId, { destinationRegion: 'us-east-1' })),
      FAILURE.invalidInput,
    );
    expect(world.proxy.mutations()).toEqual([]);
  });

  it('works without the workflow cache', async () => {
    const { amiId } = await another();
    await world.stopWorker();
    await world.startWorker({ cache: false });
    expect((await run(asked(amiId))).success).toBe(true);
  });

  const AMI = 'ami-0123456789abcdef0';
  const ASKED = { amiId: AMI, destinationRegion: THERE, partnerAccountId: '111111111111' };

  it.each([
    ['nothing', undefined],
    ['a string', AMI],
    ['no destination', { amiId: AMI, partnerAccountId: '111111111111' }],
    ['an image name', { ...ASKED, amiId: 'golden' }],
    ['a partner that is no account id', { ...ASKED, partnerAccountId: 'acme' }],
    ['a region that is none', { ...ASKED, destinationRegion: 'singapore' }],
    ['its own region', { ...ASKED, target: { region: THERE } }],
    ['what is not there yet', { ...ASKED, intoPartnerAccount: true }],
  ])('refuses %s as InvalidInput without an AWS call', async (_what, input) => {
    await expectFailure(run(input), FAILURE.invalidInput);
    expect(world.proxy.calls).toEqual([]);
  });
});
