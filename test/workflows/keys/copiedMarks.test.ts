import {
  CreateAliasCommand,
  CreateGrantCommand,
  CreateKeyCommand,
  DescribeKeyCommand,
  GetKeyPolicyCommand,
  ListAliasesCommand,
  ListKeysCommand,
  ListResourceTagsCommand,
  PutKeyPolicyCommand,
  ReplicateKeyCommand,
  TagResourceCommand,
  type Tag,
} from '@aws-sdk/client-kms';
import { CreateVolumeCommand } from '@aws-sdk/client-ec2';
import { FAILURE } from '../../../src/model/failures';
import type { CreateCustomerManagedKeyResult } from '../../../src/model/keys/key';
import { TAG } from '../../../src/model/names';
import { HOME_REGION } from '../../support/accounts';
import { expectFailure } from '../../support/failure';
import { aWorld, type World } from '../../support/world';

const STRANGER = '999999999999';
const REFUSED = { before: { code: 'AccessDeniedException' } };

/** Whoever may tag keys can give one every mark of Holdfast's: https://docs.aws.amazon.com/kms/latest/developerguide/tagging-keys.html */
describe('keys with copied marks', () => {
  let world: World;
  let named = 0;

  beforeAll(async () => {
    world = await aWorld();
  });
  afterAll(() => world.close());
  beforeEach(() => world.proxy.reset());

  const anAlias = () => `alias/copied-${++named}`;
  const asked = (alias: string, more: object = {}) => ({
    description: 'EBS production',
    keyUsage: 'ENCRYPT_DECRYPT',
    alias,
    ...more,
  });
  const run = (alias: string, more: object = {}) =>
    world.run<CreateCustomerManagedKeyResult>('createCustomerManagedKey', asked(alias, more));
  const kms = (region?: string) => world.home.kms(region);

  /** Own keys that carry the alias's mark, with all tags, in the order in which they were made. */
  async function marked(alias: string, region?: string): Promise<{ keyId: string; tags: Tag[] }[]> {
    const { Keys = [] } = await kms(region).send(new ListKeysCommand({}));
    const found = [];
    for (const { KeyId: keyId = '' } of Keys) {
      const { Tags: tags = [] } = await kms(region).send(new ListResourceTagsCommand({ KeyId: keyId }));
      if (tags.some(({ TagKey, TagValue }) => TagKey === TAG.alias && TagValue === alias))
        found.push({ keyId, tags });
    }
    return found;
  }

  const openTo = (account: string) =>
    JSON.stringify({
      Version: '2012-10-17',
      Statement: [world.home.accountId, account].map((each) => ({
        Effect: 'Allow',
        Principal: { AWS: `arn:aws:iam::${each}:root` },
        Action: 'kms:*',
        Resource: '*',
      })),
    });

  async function aStrangersKey(Tags: Tag[], Policy = openTo(STRANGER)): Promise<string> {
    const { KeyMetadata } = await kms().send(new CreateKeyCommand({ Policy, Tags }));
    return KeyMetadata?.KeyId ?? '';
  }

  const aliasMark = (alias: string) => [{ TagKey: TAG.alias, TagValue: alias }];

  async function stateOf(KeyId: string) {
    const { KeyMetadata } = await kms().send(new DescribeKeyCommand({ KeyId }));
    const { Aliases = [] } = await kms().send(new ListAliasesCommand({ KeyId }));
    return { state: KeyMetadata?.KeyState, aliases: Aliases.map(({ AliasName }) => AliasName) };
  }
  const untouched = { state: 'Enabled', aliases: [] };

  const policyOf = async (KeyId: string) =>
    (await kms().send(new GetKeyPolicyCommand({ KeyId, PolicyName: 'default' }))).Policy;

  /** Lets CreateKey take effect, has a stranger act, and loses the answer. */
  function meanwhile(alias: string, act: (own: { keyId: string; tags: Tag[] }) => Promise<void>): void {
    const held = async () => {
      await act((await marked(alias))[0]!);
      throw new Error('the answer is lost');
    };
    world.proxy.fault('CreateKey', { held }, 1);
  }

  it('that were there before are not taken, and named', async () => {
    const alias = anAlias();
    const stranger = await aStrangersKey(aliasMark(alias));
    const result = await run(alias);
    expect(result.status).toBe('CREATED');
    expect(result.keyId).not.toBe(stranger);
    expect(await policyOf(result.keyId)).not.toContain(STRANGER);
    expect(result.warnings).toEqual([expect.stringContaining(stranger)]);
    expect(await stateOf(stranger)).toEqual(untouched);
  });

  it('of this very run are not taken where their policy lets strangers in', async () => {
    const alias = anAlias();
    let stranger = '';
    meanwhile(alias, async ({ tags }) => {
      stranger = await aStrangersKey(tags);
    });
    const { keyId, warnings } = await run(alias);
    expect(world.proxy.callsOf('CreateKey')).toHaveLength(1);
    expect(await stateOf(keyId)).toEqual({ state: 'Enabled', aliases: [alias] });
    expect(warnings).toEqual([expect.stringContaining(stranger)]);
    expect(await stateOf(stranger)).toEqual(untouched);
  });

  it.each([
    [
      'opened',
      (KeyId: string) =>
        kms().send(new PutKeyPolicyCommand({ KeyId, PolicyName: 'default', Policy: openTo(STRANGER) })),
    ],
    [
      'granted',
      (KeyId: string) =>
        kms().send(
          new CreateGrantCommand({
            KeyId,
            GranteePrincipal: `arn:aws:iam::${STRANGER}:root`,
            Operations: ['Decrypt'],
          }),
        ),
    ],
  ])('are no reason to take the own key back that somebody %s meanwhile', async (_how, open) => {
    const alias = anAlias();
    let opened = '';
    meanwhile(alias, async ({ keyId }) => {
      opened = keyId;
      await open(keyId);
    });
    const { keyId, warnings } = await run(alias);
    expect(keyId).not.toBe(opened);
    expect(warnings).toEqual([expect.stringContaining(opened)]);
    expect(await stateOf(opened)).toEqual(untouched);
  });

  it('are refused, all named, where nothing tells them from the own one', async () => {
    const alias = anAlias();
    let both: string[] = [];
    meanwhile(alias, async ({ keyId, tags }) => {
      both = [keyId, await aStrangersKey(tags, await policyOf(keyId))];
    });
    const message = await expectFailure(run(alias), FAILURE.ambiguousOwner);
    for (const keyId of both) {
      expect(message).toContain(keyId);
      expect(await stateOf(keyId)).toEqual(untouched);
    }
  });

  it('are not deleted when the run is undone', async () => {
    const alias = anAlias();
    let stranger = '';
    world.proxy.fault(
      'EnableKeyRotation',
      {
        held: async () => {
          stranger = await aStrangersKey((await marked(alias))[0]!.tags);
          throw new Error('the answer is lost');
        },
      },
      1,
    );
    world.proxy.fault('EnableKeyRotation', REFUSED, [1, 2, 3]);
    await expectFailure(run(alias), FAILURE.accessDenied);
    const [own] = (await marked(alias)).filter(({ keyId }) => keyId !== stranger);
    expect(await stateOf(own!.keyId)).toEqual({ state: 'PendingDeletion', aliases: [] });
    expect(await stateOf(stranger)).toEqual(untouched);
  });

  it('are not touched by a second run', async () => {
    const alias = anAlias();
    const { keyId } = await run(alias);
    const stranger = await aStrangersKey((await marked(alias))[0]!.tags);
    expect(await run(alias)).toMatchObject({ status: 'UNCHANGED', keyId, warnings: [] });
    expect(await stateOf(stranger)).toEqual(untouched);
  });

  it('cannot have a key deleted that something is under by then', async () => {
    const alias = anAlias();
    const held = async () => {
      const AvailabilityZone = `${HOME_REGION}a`;
      const under = { AvailabilityZone, Size: 1, Encrypted: true, KmsKeyId: alias };
      await world.home.ec2().send(new CreateVolumeCommand(under));
      throw new Error('the answer is lost');
    };
    world.proxy.fault('EnableKeyRotation', { held }, 1);
    world.proxy.fault('EnableKeyRotation', REFUSED, [1, 2, 3]);
    const message = await expectFailure(run(alias), FAILURE.accessDenied);
    expect(message).toMatch(/Not undone, do it by hand: .* in use and stays: .*vol-/);
    const [own] = await marked(alias);
    expect(await stateOf(own!.keyId)).toEqual({ state: 'Enabled', aliases: [alias] });
  });

  it('behind the alias are the user’s choice, and whom they let in is said', async () => {
    const alias = anAlias();
    const TargetKeyId = await aStrangersKey([]);
    await kms().send(new CreateAliasCommand({ AliasName: alias, TargetKeyId }));
    await kms().send(
      new CreateGrantCommand({
        KeyId: TargetKeyId,
        GranteePrincipal: 'arn:aws:iam::888888888888:root',
        Operations: ['Decrypt'],
      }),
    );
    const { status, warnings } = await run(alias);
    expect(status).toBe('UPDATED');
    expect(warnings).toEqual([
      expect.stringMatching(new RegExp(`${STRANGER}:root \\(kms:\\*, by its key policy\\).*888888888888`)),
    ]);
  });

  it('say nothing of the partners that were asked for', async () => {
    const alias = anAlias();
    const partnerAccounts = ['888888888888'];
    expect((await run(alias, { partnerAccounts })).warnings).toEqual([]);
    expect((await run(alias, { partnerAccounts })).warnings).toEqual([]);
    expect((await run(alias)).warnings).toEqual([expect.stringContaining('888888888888')]);
  });

  it('on a replica that somebody else made keep it from being deleted, and whom it lets in is said', async () => {
    const alias = anAlias();
    const region = 'eu-west-1';
    const plant = async () => {
      const [{ keyId: KeyId, tags: Tags }] = (await marked(alias)) as [{ keyId: string; tags: Tag[] }];
      await kms().send(
        new ReplicateKeyCommand({ KeyId, ReplicaRegion: region, Policy: openTo(STRANGER), Tags }),
      );
    };
    world.proxy.fault('EnableKeyRotation', { held: plant }, 1);
    const { keyId, warnings } = await run(alias, { replicaRegions: [region] });
    expect(warnings).toEqual([expect.stringContaining(STRANGER)]);

    const another = anAlias();
    world.proxy.reset();
    world.proxy.fault(
      'EnableKeyRotation',
      {
        held: async () => {
          const [own] = await marked(another);
          const replica = {
            KeyId: own!.keyId,
            ReplicaRegion: region,
            Policy: openTo(STRANGER),
            Tags: own!.tags,
          };
          await kms().send(new ReplicateKeyCommand(replica));
        },
      },
      1,
    );
    world.proxy.fault(
      ({ action, params }) => action === 'CreateAlias' && params.TargetKeyId !== keyId,
      REFUSED,
      [2, 3],
    );
    await expectFailure(run(another, { replicaRegions: [region] }), FAILURE.accessDenied);
    const [theirs] = await marked(another, region);
    const { KeyMetadata } = await kms(region).send(new DescribeKeyCommand({ KeyId: theirs?.keyId }));
    expect(KeyMetadata?.KeyState).toBe('Enabled');
  });

  it('written on other keys later give nothing away', async () => {
    const alias = anAlias();
    const old = await aStrangersKey([]);
    meanwhile(alias, async ({ tags }) => {
      await kms().send(new TagResourceCommand({ KeyId: old, Tags: tags }));
    });
    expect((await run(alias)).keyId).not.toBe(old);
    expect(await stateOf(old)).toEqual(untouched);
  });
});
