import { DescribeVolumesCommand, CreateVolumeCommand } from '@aws-sdk/client-ec2';
import {
  CancelKeyDeletionCommand,
  CreateAliasCommand,
  CreateGrantCommand,
  CreateKeyCommand,
  DescribeKeyCommand,
  DisableKeyCommand,
  EnableKeyCommand,
  EnableKeyRotationCommand,
  EncryptCommand,
  GetKeyRotationStatusCommand,
  ListAliasesCommand,
  ListGrantsCommand,
  ListKeyRotationsCommand,
  ListKeysCommand,
  PutKeyPolicyCommand,
  ListResourceTagsCommand,
  ReplicateKeyCommand,
  RetireGrantCommand,
  RevokeGrantCommand,
  RotateKeyOnDemandCommand,
  ScheduleKeyDeletionCommand,
} from '@aws-sdk/client-kms';
import { randomUUID } from 'node:crypto';
import type { TestAccount } from '../../support/accounts';
import { aKey } from '../../support/seed';
import { accountsUnderTest } from '../../support/underTest';
import { until } from '../../support/until';

const Plaintext = Buffer.from('a secret');

describe('keys', () => {
  let account: TestAccount;
  let partner: TestAccount;

  beforeAll(async () => {
    [account, partner] = (await accountsUnderTest(2)) as [TestAccount, TestAccount];
  });
  afterAll(() => {
    account.destroy();
    partner.destroy();
  });

  const kms = () => account.kms();
  const root = ({ accountId }: TestAccount) => `arn:aws:iam::${accountId}:root`;

  /** https://docs.aws.amazon.com/kms/latest/developerguide/key-state.html */
  describe('in their states', () => {
    it('encrypt when enabled only', async () => {
      const KeyId = await aKey(account);
      await kms().send(new DisableKeyCommand({ KeyId }));
      const encrypt = () => kms().send(new EncryptCommand({ KeyId, Plaintext }));
      await expect(encrypt()).rejects.toMatchObject({ name: 'DisabledException' });
      await expect(kms().send(new EnableKeyRotationCommand({ KeyId }))).rejects.toMatchObject({
        name: 'DisabledException',
      });
      await kms().send(new EnableKeyCommand({ KeyId }));
      await encrypt();
    });

    it('are pending deletion for 7 to 30 days, and come back disabled', async () => {
      const KeyId = await aKey(account);
      const schedule = (PendingWindowInDays?: number) =>
        kms().send(new ScheduleKeyDeletionCommand({ KeyId, PendingWindowInDays }));
      await expect(schedule(6)).rejects.toMatchObject({ name: 'ValidationException' });
      const { DeletionDate, KeyState } = await schedule(7);
      expect(KeyState).toBe('PendingDeletion');
      const days = ((DeletionDate?.getTime() ?? 0) - Date.now()) / 86_400_000;
      expect(Math.round(days)).toBeGreaterThanOrEqual(7);
      await expect(schedule(7)).rejects.toMatchObject({ name: 'KMSInvalidStateException' });
      const encrypt = () => kms().send(new EncryptCommand({ KeyId, Plaintext }));
      await expect(encrypt()).rejects.toMatchObject({ name: 'KMSInvalidStateException' });
      await kms().send(new CancelKeyDeletionCommand({ KeyId }));
      await expect(encrypt()).rejects.toMatchObject({ name: 'DisabledException' });
    });

    it('are found in their own region only', async () => {
      const KeyId = await aKey(account);
      await expect(account.kms('eu-west-1').send(new DescribeKeyCommand({ KeyId }))).rejects.toMatchObject({
        name: 'NotFoundException',
      });
      await expect(kms().send(new DescribeKeyCommand({ KeyId: randomUUID() }))).rejects.toMatchObject({
        name: 'NotFoundException',
      });
    });
  });

  /** https://docs.aws.amazon.com/kms/latest/developerguide/rotating-keys-enable.html */
  it('rotate by their period, and on demand', async () => {
    const KeyId = await aKey(account);
    await kms().send(new EnableKeyRotationCommand({ KeyId, RotationPeriodInDays: 180 }));
    const status = await kms().send(new GetKeyRotationStatusCommand({ KeyId }));
    expect(status).toMatchObject({ KeyRotationEnabled: true, RotationPeriodInDays: 180 });
    const days = ((status.NextRotationDate?.getTime() ?? 0) - Date.now()) / 86_400_000;
    expect(Math.round(days)).toBeGreaterThanOrEqual(180);
    await kms().send(new RotateKeyOnDemandCommand({ KeyId }));
    await until(async () => {
      const { Rotations = [] } = await kms().send(new ListKeyRotationsCommand({ KeyId }));
      return Rotations.some(({ RotationType }) => RotationType === 'ON_DEMAND');
    });
  });

  /** https://docs.aws.amazon.com/kms/latest/APIReference/API_EnableKeyRotation.html */
  it.each([89, 2561])('do not rotate every %i days', async (RotationPeriodInDays) => {
    const KeyId = await aKey(account);
    await expect(
      kms().send(new EnableKeyRotationCommand({ KeyId, RotationPeriodInDays })),
    ).rejects.toMatchObject({ name: 'ValidationException' });
  });

  /** https://docs.aws.amazon.com/kms/latest/developerguide/multi-region-keys-overview.html */
  it('have replicas in other regions, of the same id, where they are multi-Region', async () => {
    const { KeyMetadata } = await kms().send(new CreateKeyCommand({ MultiRegion: true }));
    const KeyId = KeyMetadata?.KeyId ?? '';
    const { ReplicaKeyMetadata } = await kms().send(
      new ReplicateKeyCommand({
        KeyId,
        ReplicaRegion: 'eu-west-1',
        Tags: [{ TagKey: 'place', TagValue: 'there' }],
      }),
    );
    expect(ReplicaKeyMetadata).toMatchObject({
      KeyId,
      MultiRegionConfiguration: { MultiRegionKeyType: 'REPLICA' },
    });
    const { Tags } = await account.kms('eu-west-1').send(new ListResourceTagsCommand({ KeyId }));
    expect(Tags).toEqual([{ TagKey: 'place', TagValue: 'there' }]);
    const single = await aKey(account);
    await expect(
      kms().send(new ReplicateKeyCommand({ KeyId: single, ReplicaRegion: 'eu-west-1' })),
    ).rejects.toMatchObject({ name: 'UnsupportedOperationException' });
    for (const region of ['eu-west-1', 'us-east-1'])
      await account.kms(region).send(new ScheduleKeyDeletionCommand({ KeyId, PendingWindowInDays: 7 }));
  });

  /** https://docs.aws.amazon.com/kms/latest/developerguide/grants.html */
  describe('grant', () => {
    it('once what is granted twice under a name, and what is revoked no more', async () => {
      const KeyId = await aKey(account);
      const grant = (Operations: ('Encrypt' | 'DescribeKey')[]) =>
        kms().send(
          new CreateGrantCommand({ KeyId, Name: 'one', GranteePrincipal: root(partner), Operations }),
        );
      const first = await grant(['Encrypt', 'DescribeKey']);
      expect((await grant(['DescribeKey', 'Encrypt'])).GrantId).toBe(first.GrantId);
      expect((await grant(['Encrypt'])).GrantId).not.toBe(first.GrantId);
      const list = async () => (await kms().send(new ListGrantsCommand({ KeyId }))).Grants ?? [];
      expect(await list()).toHaveLength(2);
      await kms().send(new RevokeGrantCommand({ KeyId, GrantId: first.GrantId }));
      expect(await list()).toHaveLength(1);
    });

    it('page by page', async () => {
      const KeyId = await aKey(account);
      for (const Name of ['a', 'b', 'c']) {
        await kms().send(
          new CreateGrantCommand({ KeyId, Name, GranteePrincipal: root(partner), Operations: ['Encrypt'] }),
        );
      }
      const first = await kms().send(new ListGrantsCommand({ KeyId, Limit: 2 }));
      expect(first).toMatchObject({ Truncated: true });
      const second = await kms().send(new ListGrantsCommand({ KeyId, Limit: 2, Marker: first.NextMarker }));
      expect([first.Grants?.length, second.Grants?.length, second.Truncated]).toEqual([2, 1, false]);
    });

    it('until whoever may retire them does', async () => {
      const KeyId = await aKey(account);
      const { GrantId } = await kms().send(
        new CreateGrantCommand({
          KeyId,
          GranteePrincipal: root(partner),
          RetiringPrincipal: root(partner),
          Operations: ['Encrypt'],
        }),
      );
      await partner.kms().send(new RetireGrantCommand({ KeyId, GrantId }));
      expect((await kms().send(new ListGrantsCommand({ KeyId }))).Grants).toEqual([]);
    });

    it('to another account the use of what is granted, and nothing else', async () => {
      const KeyId = await aKey(account);
      const encrypt = () => partner.kms().send(new EncryptCommand({ KeyId, Plaintext }));
      await expect(encrypt()).rejects.toMatchObject({ name: 'AccessDeniedException' });
      await kms().send(
        new CreateGrantCommand({ KeyId, GranteePrincipal: root(partner), Operations: ['DescribeKey'] }),
      );
      await until(() =>
        partner
          .kms()
          .send(new DescribeKeyCommand({ KeyId }))
          .then(() => true)
          .catch(() => false),
      );
      await expect(encrypt()).rejects.toMatchObject({ name: 'AccessDeniedException' });
    });
  });

  /** https://docs.aws.amazon.com/kms/latest/developerguide/key-policies.html */
  describe('by their policies', () => {
    const policy = (...more: object[]) =>
      JSON.stringify({
        Version: '2012-10-17',
        Statement: [
          { Effect: 'Allow', Principal: { AWS: root(account) }, Action: 'kms:*', Resource: '*' },
          ...more,
        ],
      });
    const put = (KeyId: string, Policy: string) =>
      kms().send(new PutKeyPolicyCommand({ KeyId, PolicyName: 'default', Policy }));

    it('are used by other accounts, under their conditions', async () => {
      const KeyId = await aKey(account);
      const allows = (service: string) => ({
        Effect: 'Allow',
        Principal: { AWS: root(partner) },
        Action: ['kms:Decrypt', 'kms:DescribeKey', 'kms:CreateGrant'],
        Resource: '*',
        Condition: { StringEquals: { 'kms:ViaService': service } },
      });
      const endsIn = async () => {
        const { VolumeId } = await partner.ec2().send(
          new CreateVolumeCommand({
            AvailabilityZone: 'us-east-1a',
            Size: 1,
            Encrypted: true,
            KmsKeyId: KeyId,
          }),
        );
        let state: string | undefined = 'creating';
        await until(async () => {
          try {
            const { Volumes } = await partner
              .ec2()
              .send(new DescribeVolumesCommand({ VolumeIds: [VolumeId ?? ''] }));
            state = Volumes?.[0]?.State;
          } catch {
            state = 'gone'; // EC2 took the call, and removes the volume
          }
          return state !== 'creating';
        });
        return state;
      };
      await put(KeyId, policy(allows('rds.us-east-1.amazonaws.com')));
      expect(await endsIn()).toBe('gone');
      await put(KeyId, policy(allows('ec2.us-east-1.amazonaws.com')));
      expect(await endsIn()).toBe('available');
      await expect(partner.kms().send(new DescribeKeyCommand({ KeyId }))).rejects.toMatchObject({
        name: 'AccessDeniedException',
      });
    });

    it('are not used by whom they deny', async () => {
      const KeyId = await aKey(account);
      const deny = { Effect: 'Deny', Principal: '*', Action: 'kms:Encrypt', Resource: '*' };
      await put(KeyId, policy(deny));
      await expect(kms().send(new EncryptCommand({ KeyId, Plaintext }))).rejects.toMatchObject({
        name: 'AccessDeniedException',
      });
    });

    it('are never locked away from whoever sets the policy', async () => {
      const KeyId = await aKey(account);
      const others = JSON.stringify({
        Statement: [{ Effect: 'Allow', Principal: { AWS: root(partner) }, Action: 'kms:*', Resource: '*' }],
      });
      const error = { name: 'MalformedPolicyDocumentException' };
      await expect(put(KeyId, others)).rejects.toMatchObject(error);
      await expect(kms().send(new CreateKeyCommand({ Policy: others }))).rejects.toMatchObject(error);
    });
  });

  /** https://docs.aws.amazon.com/kms/latest/APIReference/API_ListKeys.html */
  it('are listed page by page', async () => {
    const TargetKeyId = await aKey(account);
    await aKey(account);
    const AliasName = `alias/${randomUUID()}`;
    await kms().send(new CreateAliasCommand({ AliasName, TargetKeyId }));
    const { Keys = [], NextMarker } = await kms().send(new ListKeysCommand({ Limit: 1 }));
    expect(Keys).toHaveLength(1);
    const next = await kms().send(new ListKeysCommand({ Limit: 1, Marker: NextMarker }));
    expect(next.Keys?.[0]?.KeyId).not.toBe(Keys[0]?.KeyId);
    const { Aliases } = await kms().send(new ListAliasesCommand({ KeyId: TargetKeyId }));
    expect(Aliases).toMatchObject([{ AliasName }]);
  });
});
