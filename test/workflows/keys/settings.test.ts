import { DescribeVolumesCommand } from '@aws-sdk/client-ec2';
import {
  CreateAliasCommand,
  CreateKeyCommand,
  DescribeKeyCommand,
  GetKeyPolicyCommand,
  ListAliasesCommand,
  ListKeyRotationsCommand,
} from '@aws-sdk/client-kms';
import { FAILURE } from '../../../src/model/failures';
import type { CreateCustomerManagedKeyResult } from '../../../src/model/keys/key';
import { autoScalingRole } from '../../../src/model/keys/keyPolicy';
import type { EnableEncryptionByDefaultResult } from '../../../src/model/encryption/encryptionDefault';
import { HOME_REGION } from '../../support/accounts';
import { expectFailure } from '../../support/failure';
import { aKey, aVolume } from '../../support/seed';
import { until } from '../../support/until';
import { aWorld, type World } from '../../support/world';

const ASKED = { description: 'EBS production', keyUsage: 'ENCRYPT_DECRYPT' };

describe('what a key can be asked to have', () => {
  let world: World;
  let named = 0;

  beforeAll(async () => {
    world = await aWorld();
  });
  afterAll(() => world.close());
  beforeEach(() => world.proxy.reset());

  const anAlias = () => `alias/set-${++named}`;
  const run = (input: object) =>
    world.run<CreateCustomerManagedKeyResult>('createCustomerManagedKey', { ...ASKED, ...input });
  const describe_ = async (KeyId: string, region?: string) =>
    (await world.home.kms(region).send(new DescribeKeyCommand({ KeyId }))).KeyMetadata;
  async function aliasIn(region: string, alias: string): Promise<string | undefined> {
    const { Aliases = [] } = await world.home.kms(region).send(new ListAliasesCommand({}));
    return Aliases.find(({ AliasName }) => AliasName === alias)?.TargetKeyId;
  }
  async function policyOf(KeyId: string, region?: string): Promise<string> {
    const command = new GetKeyPolicyCommand({ KeyId, PolicyName: 'default' });
    return (await world.home.kms(region).send(command)).Policy ?? '';
  }
  async function rotations(KeyId: string): Promise<number> {
    const { Rotations = [] } = await world.home.kms().send(new ListKeyRotationsCommand({ KeyId }));
    return Rotations.filter(({ RotationType }) => RotationType === 'ON_DEMAND').length;
  }

  describe('replicas', () => {
    const replicaRegions = ['eu-west-1', 'ap-southeast-1'];

    it('are the same key in other regions, with its alias and a policy of their own', async () => {
      const alias = anAlias();
      const { keyId, replicas } = await run({ alias, replicaRegions });
      expect(replicas.map(({ region }) => region)).toEqual(['ap-southeast-1', 'eu-west-1']);
      expect((await describe_(keyId))?.MultiRegionConfiguration?.MultiRegionKeyType).toBe('PRIMARY');
      for (const region of replicaRegions) {
        expect(await aliasIn(region, alias)).toBe(keyId);
        expect(await policyOf(keyId, region)).toContain(`ec2.${region}.amazonaws.com`);
      }
      world.proxy.reset();
      expect(await run({ alias, replicaRegions })).toMatchObject({ status: 'UNCHANGED', replicas });
      expect(world.proxy.mutations().map(({ action }) => action)).toEqual([]);
    });

    it('come to a key that has some already, and take on what is asked for now', async () => {
      const alias = anAlias();
      const { keyId } = await run({ alias, replicaRegions: ['eu-west-1'] });
      const more = await run({ alias, replicaRegions, description: 'for all' });
      expect(more).toMatchObject({ status: 'UPDATED', keyId });
      expect(more.replicas).toHaveLength(2);
      expect((await describe_(keyId, 'eu-west-1'))?.Description).toBe('for all');
    });

    it.each(['ReplicateKey', 'CreateAlias'])(
      'are made once when the answer of %s is lost',
      async (action) => {
        const alias = anAlias();
        world.proxy.fault(action, { after: 'lose the response' }, 1);
        const { keyId, replicas } = await run({ alias, replicaRegions: ['eu-west-1'] });
        expect(replicas).toHaveLength(1);
        expect(await aliasIn('eu-west-1', alias)).toBe(keyId);
      },
    );

    it('go with the key when one of them cannot be made', async () => {
      const alias = anAlias();
      const { KeyMetadata } = await world.home.kms('ap-southeast-1').send(new CreateKeyCommand({}));
      const other = { AliasName: alias, TargetKeyId: KeyMetadata?.KeyId };
      await world.home.kms('ap-southeast-1').send(new CreateAliasCommand(other));
      world.proxy.reset();
      const message = await expectFailure(run({ alias, replicaRegions }), FAILURE.invalidInput);
      expect(message).toContain(`names the key ${KeyMetadata?.KeyId}`);
      expect(await aliasIn(HOME_REGION, alias)).toBeUndefined();
      expect(await aliasIn('eu-west-1', alias)).toBeUndefined();
      expect(await aliasIn('ap-southeast-1', alias)).toBe(KeyMetadata?.KeyId);
      expect(world.proxy.callsOf('CreateKey')).toEqual([]);
    });

    it('are refused for a key of one region, and in its own region', async () => {
      const alias = anAlias();
      await run({ alias });
      expect(await expectFailure(run({ alias, replicaRegions }), FAILURE.invalidInput)).toContain(
        'choose another alias',
      );
      const own = run({ alias: anAlias(), replicaRegions: [HOME_REGION] });
      expect(await expectFailure(own, FAILURE.invalidInput)).toContain('the region of the key itself');
    });
  });

  describe('a rotation now', () => {
    it('happens once a run, also when its answer is lost', async () => {
      const alias = anAlias();
      const { keyId } = await run({ alias });
      expect(await rotations(keyId)).toBe(0);
      world.proxy.fault('RotateKeyOnDemand', { after: 'lose the response' }, 1);
      expect(await run({ alias, rotateNow: true })).toMatchObject({ status: 'UPDATED', keyId });
      expect(await rotations(keyId)).toBe(1);
      expect(await run({ alias })).toMatchObject({ status: 'UNCHANGED' });
      expect(await rotations(keyId)).toBe(1);
    });

    it('is refused, and not tried for ever, when KMS rotates the key no more', async () => {
      const alias = anAlias();
      await run({ alias });
      world.proxy.fault('RotateKeyOnDemand', { before: { code: 'LimitExceededException' } });
      expect(await expectFailure(run({ alias, rotateNow: true }), FAILURE.keyUnusable)).toContain('25 times');
    });
  });

  describe('users', () => {
    async function stateOfVolumeUnder(kmsKeyId: string): Promise<string | undefined> {
      const volumeId = await aVolume(world.home, { kmsKeyId });
      const Filters = [{ Name: 'volume-id', Values: [volumeId] }];
      let state: string | undefined = 'creating';
      await until(async () => {
        const { Volumes = [] } = await world.home.ec2().send(new DescribeVolumesCommand({ Filters }));
        state = Volumes[0]?.State;
        return state !== 'creating';
      });
      return state;
    }

    const other = () => `arn:aws:iam::${world.home.accountId}:role/somebody-else`;

    it('alone can use the key through EC2, and nobody outside of it', async () => {
      const { arn } = await run({ alias: anAlias(), users: [world.home.roleArn] });
      expect(await stateOfVolumeUnder(arn)).toBe('available');
      const { arn: closed } = await run({ alias: anAlias(), users: [other()] });
      // EBS makes the volume, and takes it away when it may not use the key.
      expect(await stateOfVolumeUnder(closed)).not.toBe('available');
      expect(await policyOf(closed)).toContain(autoScalingRole({ ...world.home, region: HOME_REGION }));
    });

    it('are changed when others are named, and stay when none are', async () => {
      const alias = anAlias();
      const { keyId } = await run({ alias, users: [other()] });
      expect(await run({ alias, users: [world.home.roleArn] })).toMatchObject({ status: 'UPDATED' });
      expect(await policyOf(keyId)).not.toContain(other());
      expect(await run({ alias })).toMatchObject({ status: 'UNCHANGED' });
      expect(await policyOf(keyId)).toContain(world.home.roleArn);
    });
  });

  it('Auto Scaling is warned for where its role may not use the default key', async () => {
    const byDefault = (key: string) =>
      world.run<EnableEncryptionByDefaultResult>('enableEncryptionByDefault', {
        kmsKeyIds: { [HOME_REGION]: key },
      });
    const closed = await aKey(world.home);
    const { warnings } = await byDefault(closed);
    expect(warnings).toEqual([expect.stringContaining(`Auto Scaling may not use ${closed}`)]);
    const { arn } = await run({ alias: anAlias(), users: [world.home.roleArn] });
    expect((await byDefault(arn)).warnings).toEqual([]);
  });
});
