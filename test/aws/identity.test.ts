import {
  CopySnapshotCommand,
  CreateSnapshotCommand,
  CreateTagsCommand,
  CreateVolumeCommand,
  DeleteSnapshotCommand,
  DescribeInstancesCommand,
  DescribeSnapshotsCommand,
  DescribeVolumesCommand,
  EC2Client,
  StartInstancesCommand,
} from '@aws-sdk/client-ec2';
import {
  ElasticLoadBalancingV2Client,
  RegisterTargetsCommand,
} from '@aws-sdk/client-elastic-load-balancing-v2';
import { DecryptCommand, CreateGrantCommand, EncryptCommand, KMSClient } from '@aws-sdk/client-kms';
import { DeleteRolePolicyCommand, IAMClient } from '@aws-sdk/client-iam';
import { GetCallerIdentityCommand, STSClient } from '@aws-sdk/client-sts';
import { administrator, assumeRole, createRole, type Role } from '../../local/stack/roles';
import { anAccount, type TestAccount } from '../support/accounts';
import { aKey, anInstance, aVolume, stopped } from '../support/seed';
import { shared } from '../support/shared';
import { TargetGroup } from '../support/targetGroups';
import { until } from '../support/until';

interface Actor {
  ec2: EC2Client;
  kms: KMSClient;
  arn: string;
}

const allow = (Action: string | string[], more: object = {}) => ({
  Effect: 'Allow',
  Action,
  Resource: '*',
  ...more,
});
const deny = (Action: string, more: object = {}) => ({ ...allow(Action, more), Effect: 'Deny' });

describe('roles', () => {
  const endpoint = shared('awsEndpoint');
  const region = 'us-east-1';
  let account: TestAccount;
  let stranger: TestAccount;
  const clients: { destroy(): void }[] = [];
  let roles = 0;

  beforeAll(async () => {
    [account, stranger] = await Promise.all([anAccount(endpoint), anAccount(endpoint)]);
  });
  afterAll(() => [account, stranger, ...clients].forEach((each) => each.destroy()));

  async function aRole(role: Partial<Role>): Promise<string> {
    const { accountId } = account;
    const admin = await administrator(endpoint, accountId);
    roles += 1;
    return createRole(endpoint, admin, { accountId, name: `role-${roles}`, trusts: [accountId], ...role });
  }

  async function actor(...statements: object[]): Promise<Actor> {
    const arn = await aRole({ statements });
    const credentials = await assumeRole(endpoint, arn, account);
    const settings = { region, endpoint, credentials };
    const [ec2, kms] = [new EC2Client(settings), new KMSClient(settings)];
    clients.push(ec2, kms);
    return { ec2, kms, arn };
  }

  /** https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html */
  describe('are assumed', () => {
    const denied = { name: 'AccessDenied' };

    it('where they exist and trust the caller', async () => {
      const own = await aRole({});
      await assumeRole(endpoint, own, account);
      await expect(assumeRole(endpoint, own, stranger)).rejects.toMatchObject(denied);
      await expect(assumeRole(endpoint, `${own}-gone`, account)).rejects.toMatchObject(denied);
    });

    it('by a principal of another account that they name, and that may', async () => {
      const shared = await aRole({ trusts: [stranger.accountId] });
      await assumeRole(endpoint, shared, stranger);
      const credentials = await administrator(endpoint, stranger.accountId);
      const meek = await createRole(endpoint, credentials, {
        accountId: stranger.accountId,
        name: 'meek',
        trusts: [stranger.accountId],
        statements: [allow('ec2:*')],
      });
      const asMeek = { credentials: await assumeRole(endpoint, meek, stranger) };
      await expect(assumeRole(endpoint, shared, asMeek)).rejects.toMatchObject(denied);
    });

    it('with the external id that they ask for', async () => {
      const arn = await aRole({ trusts: [stranger.accountId], externalId: 'e-1' });
      await expect(assumeRole(endpoint, arn, stranger)).rejects.toMatchObject(denied);
      const { credentials } = stranger;
      await expect(assumeRole(endpoint, arn, { credentials, externalId: 'e-2' })).rejects.toMatchObject(
        denied,
      );
      await assumeRole(endpoint, arn, { credentials, externalId: 'e-1' });
    });

    it('and are then who calls', async () => {
      const arn = await aRole({});
      const sts = new STSClient({ region, endpoint, credentials: await assumeRole(endpoint, arn, account) });
      const { Arn } = await sts.send(new GetCallerIdentityCommand({}));
      sts.destroy();
      expect(Arn).toBe(`arn:aws:sts::${account.accountId}:assumed-role/${arn.split('/')[1]}/local`);
    });
  });

  /** https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html */
  describe('may', () => {
    const refused = { name: 'UnauthorizedOperation' };
    const snapshot = (by: Actor, VolumeId: string, tags: Record<string, string> = {}) =>
      by.ec2.send(
        new CreateSnapshotCommand({
          VolumeId,
          ...(Object.keys(tags).length > 0 && {
            TagSpecifications: [
              {
                ResourceType: 'snapshot',
                Tags: Object.entries(tags).map(([Key, Value]) => ({ Key, Value })),
              },
            ],
          }),
        }),
      );

    /** https://docs.aws.amazon.com/service-authorization/latest/reference/list_awselasticloadbalancingv2.html */
    it('register with those target groups only that their policies name', async () => {
      const { instanceId } = await anInstance(account);
      const [own, other] = [
        await TargetGroup.near(account, instanceId),
        await TargetGroup.near(account, instanceId),
      ];
      const arn = await aRole({
        statements: [
          allow('elasticloadbalancing:Describe*'),
          allow('elasticloadbalancing:*', { Resource: own.arn }),
        ],
      });
      const credentials = await assumeRole(endpoint, arn, account);
      const elb = new ElasticLoadBalancingV2Client({ region, endpoint, credentials });
      clients.push(elb);
      const register = ({ arn: TargetGroupArn }: TargetGroup) =>
        elb.send(new RegisterTargetsCommand({ TargetGroupArn, Targets: [{ Id: instanceId }] }));
      await register(own);
      await expect(register(other)).rejects.toMatchObject({
        name: 'AccessDenied',
        message: expect.stringContaining(
          `elasticloadbalancing:RegisterTargets on resource: ${other.arn}`,
        ) as string,
      });
    });

    it('do what their policies allow, and learn what they do not', async () => {
      const reader = await actor(allow('ec2:Describe*'));
      const volumeId = await aVolume(account);
      await reader.ec2.send(new DescribeVolumesCommand({}));
      await expect(snapshot(reader, volumeId)).rejects.toMatchObject({
        ...refused,
        message: expect.stringMatching(
          /^You are not authorized to perform this operation\. User: arn:aws:sts::\d+:assumed-role\S+ is not authorized to perform: ec2:CreateSnapshot on resource: arn:aws:ec2:us-east-1:\S* because no identity-based policy allows the ec2:CreateSnapshot action\. Encoded authorization failure message: \S+$/,
        ) as unknown,
      });
    });

    it('not do what one denies and another allows', async () => {
      const by = await actor(allow('*'), deny('ec2:DeleteSnapshot'));
      const { SnapshotId } = await snapshot(by, await aVolume(account));
      await expect(by.ec2.send(new DeleteSnapshotCommand({ SnapshotId }))).rejects.toMatchObject(refused);
    });

    /** https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/supported-iam-actions-tagging.html */
    it('tag what they make only with ec2:CreateTags', async () => {
      const volumeId = await aVolume(account);
      const untagging = await actor(allow('ec2:CreateSnapshot'));
      await snapshot(untagging, volumeId);
      await expect(snapshot(untagging, volumeId, { a: 'b' })).rejects.toMatchObject({
        ...refused,
        message: expect.stringContaining('ec2:CreateTags') as unknown,
      });
      const tagging = await actor(
        allow('ec2:CreateSnapshot'),
        allow('ec2:CreateTags', { Condition: { StringEquals: { 'ec2:CreateAction': 'CreateSnapshot' } } }),
      );
      const { SnapshotId = '' } = await snapshot(tagging, volumeId, { a: 'b' });
      await expect(
        tagging.ec2.send(
          new CreateTagsCommand({ Resources: [SnapshotId], Tags: [{ Key: 'c', Value: 'd' }] }),
        ),
      ).rejects.toMatchObject(refused);
    });

    /** https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/iam-policies-for-amazon-ec2.html */
    it('act on the resources that a condition or an ARN names', async () => {
      const [mine, other] = await Promise.all([aVolume(account), aVolume(account)]);
      await account
        .ec2()
        .send(new CreateTagsCommand({ Resources: [mine], Tags: [{ Key: 'Owner', Value: 'me' }] }));
      const byTag = await actor(
        allow('ec2:CreateSnapshot', { Resource: 'arn:aws:ec2:*::snapshot/*' }),
        allow('ec2:CreateSnapshot', {
          Resource: 'arn:aws:ec2:*:*:volume/*',
          Condition: { StringEquals: { 'aws:ResourceTag/Owner': 'me' } },
        }),
      );
      await snapshot(byTag, mine);
      await expect(snapshot(byTag, other)).rejects.toMatchObject(refused);
    });

    it('do nothing more from the moment at which their permission is taken', async () => {
      const by = await actor(allow('ec2:*'));
      await by.ec2.send(new DescribeVolumesCommand({}));
      const iam = new IAMClient({ region, endpoint, credentials: account.credentials });
      const name = by.arn.split('/')[1] ?? '';
      await iam.send(new DeleteRolePolicyCommand({ RoleName: name, PolicyName: name }));
      iam.destroy();
      await expect(by.ec2.send(new DescribeVolumesCommand({}))).rejects.toMatchObject(refused);
    });
  });

  /** https://docs.aws.amazon.com/kms/latest/developerguide/key-policy-default.html */
  describe('use keys', () => {
    it('of their account where their own policies allow it', async () => {
      const KeyId = await aKey(account);
      const Plaintext = Buffer.from('x');
      const [may, mayNot] = await Promise.all([actor(allow('kms:Encrypt')), actor(allow('ec2:*'))]);
      await may.kms.send(new EncryptCommand({ KeyId, Plaintext }));
      await expect(mayNot.kms.send(new EncryptCommand({ KeyId, Plaintext }))).rejects.toMatchObject({
        name: 'AccessDeniedException',
      });
    });

    it('by a grant, in the encryption context that constrains it', async () => {
      const KeyId = await aKey(account);
      const [EncryptionContext, Plaintext] = [{ for: 'this' }, Buffer.from('x')];
      const by = await actor(allow('ec2:*'));
      const constraint = { Constraints: { EncryptionContextSubset: EncryptionContext } };
      const grant = { KeyId, GranteePrincipal: by.arn, Operations: ['Encrypt', 'Decrypt'] as const };
      await account
        .kms()
        .send(new CreateGrantCommand({ ...grant, Operations: [...grant.Operations], ...constraint }));
      const { CiphertextBlob } = await by.kms.send(
        new EncryptCommand({ KeyId, Plaintext, EncryptionContext }),
      );
      await by.kms.send(new DecryptCommand({ KeyId, CiphertextBlob, EncryptionContext }));
      await expect(by.kms.send(new EncryptCommand({ KeyId, Plaintext }))).rejects.toMatchObject({
        name: 'AccessDeniedException',
      });
    });

    /** https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CopySnapshot.html (KmsKeyId) */
    it('for copies and volumes that later fail where they may not', async () => {
      const KmsKeyId = await aKey(account);
      const by = await actor(allow('ec2:*'));
      const source = await account
        .ec2()
        .send(new CreateSnapshotCommand({ VolumeId: await aVolume(account) }));
      const SnapshotIds = [source.SnapshotId ?? ''];
      const state = async (ids: string[]) =>
        (await account.ec2().send(new DescribeSnapshotsCommand({ SnapshotIds: ids }))).Snapshots?.[0];
      await until(async () => (await state(SnapshotIds))?.State === 'completed');
      const { SnapshotId = '' } = await by.ec2.send(
        new CopySnapshotCommand({
          SourceRegion: region,
          SourceSnapshotId: source.SnapshotId,
          Encrypted: true,
          KmsKeyId,
        }),
      );
      await until(async () => (await state([SnapshotId]))?.State !== 'pending');
      expect(await state([SnapshotId])).toMatchObject({
        State: 'error',
        StateMessage: 'Given key ID is not accessible',
      });
      const { VolumeId = '' } = await by.ec2.send(
        new CreateVolumeCommand({ AvailabilityZone: `${region}a`, Size: 1, Encrypted: true, KmsKeyId }),
      );
      await until(async () => {
        const Filters = [{ Name: 'volume-id', Values: [VolumeId] }];
        return (await by.ec2.send(new DescribeVolumesCommand({ Filters }))).Volumes?.length === 0;
      });
    });

    /** https://repost.aws/knowledge-center/encrypted-volumes-stops-immediately */
    it('to start instances; without CreateGrant these fall back to stopped', async () => {
      const kmsKeyId = await aKey(account);
      const { instanceId } = await anInstance(account, { root: { size: 1, kmsKeyId }, data: [] });
      await stopped(account, instanceId);
      const by = await actor(allow(['ec2:*', 'kms:Decrypt', 'kms:DescribeKey']));
      await by.ec2.send(new StartInstancesCommand({ InstanceIds: [instanceId] }));
      const shown = async () => {
        const { Reservations } = await by.ec2.send(
          new DescribeInstancesCommand({ InstanceIds: [instanceId] }),
        );
        return Reservations?.[0]?.Instances?.[0];
      };
      await until(async () => (await shown())?.State?.Name === 'stopped');
      expect((await shown())?.StateReason?.Code).toBe('Client.InternalError');
    });
  });
});
