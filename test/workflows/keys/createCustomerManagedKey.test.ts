import {
  DescribeKeyCommand,
  GetKeyPolicyCommand,
  GetKeyRotationStatusCommand,
  ListAliasesCommand,
  ListKeysCommand,
  ListResourceTagsCommand,
  ScheduleKeyDeletionCommand,
  CreateKeyCommand,
  CreateAliasCommand,
} from '@aws-sdk/client-kms';
import { FAILURE } from '../../../src/model/failures';
import type { CreateCustomerManagedKeyResult } from '../../../src/model/keys/key';
import { TAG } from '../../../src/model/names';
import type { TestAccount } from '../../support/accounts';
import { expectFailure } from '../../support/failure';
import { until } from '../../support/until';
import { aWorld, type World } from '../../support/world';

describe('createCustomerManagedKey', () => {
  let world: World;

  beforeAll(async () => {
    world = await aWorld({ otherAccounts: 1 });
  });
  afterAll(() => world.close());
  beforeEach(() => world.proxy.reset());

  const ASKED = { description: 'EBS production', keyUsage: 'ENCRYPT_DECRYPT' };
  let named = 0;
  /** An alias that no other test of this file uses. */
  const anAlias = () => `alias/key-${++named}`;

  const run = (input: object) =>
    world.run<CreateCustomerManagedKeyResult>('createCustomerManagedKey', { ...ASKED, ...input });

  const kms = () => world.home.kms();

  /** Enabled keys that carry this alias's tag, or have the alias. */
  async function keysOf(alias: string, account: TestAccount = world.home): Promise<string[]> {
    const { Keys = [] } = await account.kms().send(new ListKeysCommand({}));
    const found: string[] = [];
    for (const { KeyId = '' } of Keys) {
      const { KeyMetadata } = await account.kms().send(new DescribeKeyCommand({ KeyId }));
      if (KeyMetadata?.KeyManager !== 'CUSTOMER' || KeyMetadata.KeyState !== 'Enabled') continue;
      const { Tags = [] } = await account.kms().send(new ListResourceTagsCommand({ KeyId }));
      if (Tags.some(({ TagKey, TagValue }) => TagKey === TAG.alias && TagValue === alias)) found.push(KeyId);
    }
    return found;
  }

  async function aliasOf(alias: string): Promise<string | undefined> {
    const { Aliases = [] } = await kms().send(new ListAliasesCommand({}));
    return Aliases.find(({ AliasName }) => AliasName === alias)?.TargetKeyId;
  }

  const rotationOf = (KeyId: string) => kms().send(new GetKeyRotationStatusCommand({ KeyId }));

  it('makes a key with alias, rotation, policy and tags, for symmetric encryption', async () => {
    const alias = anAlias();
    const result = await run({ alias, requestedBy: 'ann', ticket: 'OPS-1' });

    expect(result).toMatchObject({
      status: 'CREATED',
      alias,
      rotation: { enabled: true, periodInDays: 365 },
      target: { accountId: world.home.accountId, region: 'us-east-1' },
    });
    const { KeyMetadata } = await kms().send(new DescribeKeyCommand({ KeyId: alias }));
    expect(KeyMetadata).toMatchObject({
      KeyId: result.keyId,
      Arn: result.arn,
      KeyUsage: 'ENCRYPT_DECRYPT',
      KeySpec: 'SYMMETRIC_DEFAULT',
      Description: 'EBS production',
    });
    const { Tags } = await kms().send(new ListResourceTagsCommand({ KeyId: result.keyId }));
    expect(Tags).toEqual(
      expect.arrayContaining([
        { TagKey: TAG.alias, TagValue: alias },
        { TagKey: TAG.requestedBy, TagValue: 'ann' },
        { TagKey: TAG.ticket, TagValue: 'OPS-1' },
      ]),
    );
    expect(await rotationOf(result.keyId)).toMatchObject({
      KeyRotationEnabled: true,
      RotationPeriodInDays: 365,
    });
  });

  it('takes the alias from the description when none is given', async () => {
    expect((await run({ description: 'Disks of the EU (prod)' })).alias).toBe('alias/disks-of-the-eu-prod');
  });

  it('changes nothing when run twice', async () => {
    const alias = anAlias();
    const first = await run({ alias, rotationDays: 180 });
    world.proxy.reset();
    const second = await run({ alias });

    expect(second).toMatchObject({
      status: 'UNCHANGED',
      keyId: first.keyId,
      rotation: { enabled: true, periodInDays: 180 },
    });
    expect(world.proxy.mutations()).toEqual([]);
  });

  it('brings a key that is there to what is asked for', async () => {
    const alias = anAlias();
    const { keyId } = await run({ alias });
    const partner = world.others[0]!.accountId;
    const result = await run({
      alias,
      rotationDays: 90,
      description: 'for two',
      partnerAccounts: [partner],
    });

    expect(result).toMatchObject({ status: 'UPDATED', keyId, rotation: { periodInDays: 90 } });
    const { Policy } = await kms().send(new GetKeyPolicyCommand({ KeyId: keyId, PolicyName: 'default' }));
    expect(Policy).toContain(`arn:aws:iam::${partner}:root`);
    const { KeyMetadata } = await kms().send(new DescribeKeyCommand({ KeyId: keyId }));
    expect(KeyMetadata?.Description).toBe('for two');
    expect((await run({ alias, description: 'for two', partnerAccounts: [partner] })).status).toBe(
      'UNCHANGED',
    );
  });

  it('makes one key when two runs ask at once', async () => {
    const alias = anAlias();
    const results = await Promise.all([run({ alias }), run({ alias }), run({ alias })]);

    expect(new Set(results.map(({ keyId }) => keyId)).size).toBe(1);
    expect(await keysOf(alias)).toEqual([results[0].keyId]);
    expect(await aliasOf(alias)).toBe(results[0].keyId);
  });

  it.each(['CreateKey', 'CreateAlias', 'EnableKeyRotation'])(
    'makes one key when the response of %s is lost',
    async (action) => {
      const alias = anAlias();
      world.proxy.fault(action, { after: 'lose the response' }, 1);
      const { keyId } = await run({ alias });
      expect(await keysOf(alias)).toEqual([keyId]);
      expect(await aliasOf(alias)).toBe(keyId);
    },
  );

  it('names the key of a run that was terminated before it gave the alias, and makes its own', async () => {
    const alias = anAlias();
    const handle = await new Promise<Awaited<ReturnType<World['start']>>>((resolve, reject) => {
      world.proxy.fault('CreateAlias', { before: { code: 'ThrottlingException' } });
      world.start('createCustomerManagedKey', { ...ASKED, alias }).then(resolve, reject);
    });
    await until(() => world.proxy.callsOf('CreateAlias').length > 0);
    await handle.terminate('test');
    const [orphan] = await keysOf(alias);
    world.proxy.reset();

    // Its tags alone do not prove whose it is: whoever may tag keys can write them.
    const result = await run({ alias });
    expect(result).toMatchObject({ status: 'CREATED', warnings: [expect.stringContaining(orphan!)] });
    expect(result.keyId).not.toBe(orphan);
    expect(await aliasOf(alias)).toBe(result.keyId);
  });

  it.each([
    ['CreateAlias', 'AccessDeniedException'],
    ['EnableKeyRotation', 'AccessDeniedException'],
  ])('leaves no key behind when %s is refused', async (action, code) => {
    const alias = anAlias();
    world.proxy.fault(action, { before: { code } });
    const message = await expectFailure(run({ alias }), FAILURE.accessDenied);

    expect(message).toContain(`kms:${action}`);
    expect(await keysOf(alias)).toEqual([]);
    expect(await aliasOf(alias)).toBeUndefined();
  });

  it('puts the settings of a key back when a later one is refused', async () => {
    const alias = anAlias();
    const { keyId } = await run({ alias });
    world.proxy.fault('PutKeyPolicy', { before: { code: 'AccessDeniedException' } }, 1);
    await expectFailure(
      run({ alias, rotationDays: 100, partnerAccounts: [world.others[0]!.accountId] }),
      FAILURE.accessDenied,
    );
    expect(await rotationOf(keyId)).toMatchObject({ RotationPeriodInDays: 365 });
    expect(await aliasOf(alias)).toBe(keyId);
  });

  it('leaves no key behind when it is cancelled', async () => {
    const alias = anAlias();
    world.proxy.fault('EnableKeyRotation', { before: { code: 'ThrottlingException' } });
    const handle = await world.start('createCustomerManagedKey', { ...ASKED, alias });
    await until(() => world.proxy.callsOf('EnableKeyRotation').length > 0);
    await handle.cancel();
    await expect(handle.result()).rejects.toThrow();

    expect(await keysOf(alias)).toEqual([]);
    const { searchAttributes } = await handle.describe();
    expect(searchAttributes.HoldfastOutcome).toEqual(['Cancelled']);
  });

  it.each([
    ['asymmetric', { KeySpec: 'RSA_2048' }],
    ['for signing', { KeySpec: 'RSA_2048', KeyUsage: 'SIGN_VERIFY' }],
  ] as const)('refuses a key behind the alias that is %s', async (_what, spec) => {
    const alias = anAlias();
    const { KeyMetadata } = await kms().send(new CreateKeyCommand({ KeyUsage: 'ENCRYPT_DECRYPT', ...spec }));
    await kms().send(new CreateAliasCommand({ AliasName: alias, TargetKeyId: KeyMetadata?.KeyId }));
    expect(await expectFailure(run({ alias }), FAILURE.keyUnusable)).toContain('symmetric');
    expect(world.proxy.mutations()).toEqual([]);
  });

  it('refuses a key that waits for its deletion', async () => {
    const alias = anAlias();
    const { keyId } = await run({ alias });
    await kms().send(new ScheduleKeyDeletionCommand({ KeyId: keyId, PendingWindowInDays: 7 }));
    expect(await expectFailure(run({ alias }), FAILURE.keyUnusable)).toContain('PendingDeletion');
  });

  it('refuses the own account as a partner, before anything is made', async () => {
    const message = await expectFailure(
      run({ alias: anAlias(), partnerAccounts: [world.home.accountId] }),
      FAILURE.invalidInput,
    );
    expect(message).toContain(world.home.accountId);
    expect(world.proxy.mutations()).toEqual([]);
  });

  it('works in another account and region', async () => {
    const other = world.others[0]!;
    const target = { accountId: other.accountId, region: 'eu-west-1' };
    const result = await run({ alias: anAlias(), target });
    expect(result.arn).toContain(`:eu-west-1:${other.accountId}:`);
  });

  it('works without the workflow cache', async () => {
    await world.stopWorker();
    await world.startWorker({ cache: false });
    expect((await run({ alias: anAlias() })).status).toBe('CREATED');
  });

  it.each([
    ['nothing', undefined],
    ['no description', { keyUsage: 'ENCRYPT_DECRYPT' }],
    ['another usage', { ...ASKED, keyUsage: 'SIGN_VERIFY' }],
    ['no usage', { description: 'x' }],
    ['an alias of AWS', { ...ASKED, alias: 'alias/aws/ebs' }],
    ['an alias with blanks', { ...ASKED, alias: 'my key' }],
    ['a description that makes no alias', { ...ASKED, description: '…' }],
    ['a rotation of a week', { ...ASKED, rotationDays: 7 }],
    ['a rotation of ten years', { ...ASKED, rotationDays: 3650 }],
    ['a partner listed twice', { ...ASKED, partnerAccounts: ['111111111111', '111111111111'] }],
    ['a replica in no region', { ...ASKED, replicaRegions: ['Ireland'] }],
    ['two replicas in a region', { ...ASKED, replicaRegions: ['eu-west-1', 'eu-west-1'] }],
    ['a user that is no role', { ...ASKED, users: ['ann'] }],
  ])('refuses %s as InvalidInput without an AWS call', async (_what, input) => {
    await expectFailure(world.run('createCustomerManagedKey', input), FAILURE.invalidInput);
    expect(world.proxy.calls).toEqual([]);
  });
});
