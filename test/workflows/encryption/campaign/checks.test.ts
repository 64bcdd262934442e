import {
  CreateGrantCommand,
  CreateKeyCommand,
  PutKeyPolicyCommand,
  type GrantOperation,
} from '@aws-sdk/client-kms';
import type { EncryptVolumesResult } from '../../../../src/model/encryption/campaign/campaign';
import { FAILURE } from '../../../../src/model/failures';
import { EBS_OPERATIONS } from '../../../../src/model/keys/keyUse';
import { denied } from '../../../support/denied';
import { expectFailure, failedResult } from '../../../support/failure';
import { MigrationWorld } from '../../../support/migration';
import { aKey, anInstance } from '../../../support/seed';

/** What a whole campaign runs against, asked before anything changes: permissions, the key and quotas. */
describe('encryptVolumes, before any change', () => {
  let migrations: MigrationWorld;

  beforeAll(async () => {
    migrations = await MigrationWorld.open({ otherAccounts: 1 });
  });
  afterAll(() => migrations.close());
  beforeEach(() => migrations.world.proxy.reset());

  const failed = (run: Promise<unknown>, type: string = FAILURE.allFailed) =>
    failedResult<EncryptVolumesResult>(run, type);

  describe('permissions', () => {
    const without = <Result>(statements: object[], act: () => Promise<Result>) =>
      denied(migrations.world.proxy.upstream.origin, migrations.account, statements, act);
    const dryRuns = () =>
      migrations.world.proxy.calls.filter(({ action }) => action.startsWith('DryRun:')).length;

    it.each([
      'CreateTags',
      'CreateSnapshot',
      'CreateSnapshots',
      'CreateVolume',
      'StopInstances',
      'StartInstances',
      'DetachVolume',
      'AttachVolume',
      'ModifyInstanceAttribute',
    ])('for %s that are missing are named before any change', async (action) => {
      const { instanceId } = await anInstance(migrations.account);
      migrations.world.proxy.reset();
      const input = { instanceIds: [instanceId], strategy: 'direct' };
      const { skipped } = await without([{ Action: `ec2:${action}` }], () =>
        failed(migrations.encrypt(input)),
      );
      expect(skipped.items[0]?.reasons).toContainEqual(
        expect.stringMatching(
          new RegExp(`may not ec2:${action} on .*${migrations.account.accountId}.*explicit deny.*allow it`),
        ),
      );
      expect(migrations.world.proxy.mutations()).toEqual([]);
    });

    it('of one machine keep back that machine alone', async () => {
      const tagged = await anInstance(migrations.account, { tags: { env: 'prod' } });
      const other = await anInstance(migrations.account);
      const instanceIds = [tagged.instanceId, other.instanceId];
      const prod = { StringEquals: { 'aws:ResourceTag/env': 'prod' } };
      const result = await without([{ Action: 'ec2:StopInstances', Condition: prod }], () =>
        failed(migrations.encrypt({ instanceIds }), FAILURE.partialFailure),
      );
      expect(result).toMatchObject({
        encrypted: { items: [{ instanceId: other.instanceId }] },
        skipped: { items: [{ item: tagged.instanceId }] },
      });
    });

    it('are asked for with one machine, not with each', async () => {
      const instanceIds = await migrations.machines(3);
      migrations.world.proxy.reset();
      await migrations.encrypt({ instanceIds: instanceIds.slice(0, 1), dryRun: true });
      const once = dryRuns();
      migrations.world.proxy.reset();
      await migrations.encrypt({ instanceIds, dryRun: true });
      expect(once).toBeGreaterThan(8);
      expect(dryRuns()).toBe(once);
    });

    it('that hang on Holdfast’s own tags are not taken for missing', async () => {
      const { instanceId } = await anInstance(migrations.account);
      const foreign = { Null: { 'aws:ResourceTag/holdfast:migration': 'true' } };
      const { plan } = await without([{ Action: 'ec2:DeleteVolume', Condition: foreign }], () =>
        migrations.encrypt({ instanceIds: [instanceId], dryRun: true }),
      );
      expect(plan?.total).toBe(1);
    });

    it('are asked for again where AWS was asked too often', async () => {
      const { instanceId } = await anInstance(migrations.account);
      const code = 'RequestLimitExceeded';
      migrations.world.proxy.fault('DryRun:StopInstances', { before: { code, status: 503 } }, 1);
      const { plan } = await migrations.encrypt({ instanceIds: [instanceId], dryRun: true });
      expect(plan?.total).toBe(1);
      expect(migrations.world.proxy.callsOf('DryRun:StopInstances')).toHaveLength(2);
    });
  });

  describe('the key', () => {
    const SOMEBODY = 'arn:aws:iam::999999999999:role/somebody';

    function policyOf(...statements: object[]): string {
      const admin = { Principal: { AWS: `arn:aws:iam::${migrations.account.accountId}:root` } };
      const Statement = [
        { ...admin, Action: ['kms:Put*', 'kms:Describe*', 'kms:Get*', 'kms:List*'] },
        ...statements,
      ].map((each) => ({ Effect: 'Allow', Resource: '*', ...each }));
      return JSON.stringify({ Version: '2012-10-17', Statement });
    }
    async function keyWith(...statements: object[]): Promise<string> {
      const Policy = policyOf(...statements);
      const { KeyMetadata } = await migrations.account.kms().send(new CreateKeyCommand({ Policy }));
      return KeyMetadata?.Arn ?? '';
    }
    const plan = async (kmsKeyId: string) => {
      const { instanceId } = await anInstance(migrations.account);
      migrations.world.proxy.reset();
      return migrations.encrypt({ instanceIds: [instanceId], kmsKeyId, dryRun: true });
    };

    it('that opens itself to EC2 alone, as those do that Holdfast makes, is not refused', async () => {
      const through = { StringEquals: { 'kms:ViaService': 'ec2.us-east-1.amazonaws.com' } };
      const forResources = { ...through, Bool: { 'kms:GrantIsForAWSResource': 'true' } };
      const use = ['kms:Decrypt', 'kms:GenerateDataKey*', 'kms:ReEncrypt*', 'kms:DescribeKey'];
      const kmsKeyId = await keyWith(
        { Principal: { AWS: '*' }, Action: use, Condition: through },
        { Principal: { AWS: '*' }, Action: 'kms:CreateGrant', Condition: forResources },
      );
      expect((await plan(kmsKeyId)).plan?.total).toBe(1);
      const { instanceId } = await anInstance(migrations.account);
      const { encrypted } = await migrations.encrypt({ instanceIds: [instanceId], kmsKeyId });
      expect(encrypted.total).toBe(1);
    });

    it('that only somebody else may use is refused before any change, by what is missing', async () => {
      const kmsKeyId = await keyWith({ Principal: { AWS: SOMEBODY }, Action: 'kms:*' });
      const message = await expectFailure(plan(kmsKeyId), FAILURE.keyUnusable);
      expect(message).toMatch(/neither by itself nor through EC2.*kms:GrantIsForAWSResource/);
      expect(message).toContain('kms:Decrypt');
      expect(message).toContain('kms:CreateGrant');
      expect(message).not.toContain('kms:DescribeKey');
      expect(migrations.world.proxy.mutations()).toEqual([]);
    });

    it('that a grant opens is not refused', async () => {
      const KeyId = await aKey(migrations.account);
      const kms = migrations.account.kms();
      const Operations: GrantOperation[] = [...EBS_OPERATIONS];
      const GranteePrincipal = migrations.account.roleArn;
      await kms.send(new CreateGrantCommand({ KeyId, GranteePrincipal, Operations }));
      const Policy = policyOf({ Principal: { AWS: SOMEBODY }, Action: 'kms:*' });
      await kms.send(new PutKeyPolicyCommand({ KeyId, PolicyName: 'default', Policy }));
      const kmsKeyId = KeyId;
      expect((await plan(kmsKeyId)).plan?.total).toBe(1);
    });

    it('is not refused where its policy may not be read: it may well be usable', async () => {
      const through = { StringEquals: { 'kms:ViaService': 'ec2.us-east-1.amazonaws.com' } };
      const kmsKeyId = await keyWith({ Principal: { AWS: '*' }, Action: 'kms:*', Condition: through });
      const { plan: planned } = await denied(
        migrations.world.proxy.upstream.origin,
        migrations.account,
        [{ Action: 'kms:GetKeyPolicy' }],
        () => plan(kmsKeyId),
      );
      expect(planned?.total).toBe(1);
    });
  });

  describe('quotas', () => {
    const GP3 = 'L-7A658B76';

    /** In an account of its own: what others make there would count. */
    async function crowded<Result>(
      tib: number,
      act: (own: MigrationWorld, instanceIds: string[]) => Promise<Result>,
    ): Promise<Result> {
      const [account] = migrations.world.others;
      if (!account) throw new Error('the world has no other account');
      const own = await MigrationWorld.within(migrations.world, account);
      const instanceIds = await own.machines(2);
      const quota = { accountId: account.accountId, region: 'us-east-1', code: GP3, value: tib };
      const control = new URL('/_local/quotas', migrations.world.proxy.upstream);
      await fetch(control, { method: 'POST', body: JSON.stringify(quota) });
      return act(own, instanceIds);
    }

    it('that have no room for all keep the later ones back, and say how to raise them', async () => {
      // Two machines with 18 GiB each; one of them fits beside that, and not two.
      const tib = (2 * 18 + 20) / 1024;
      await crowded(tib, async ({ target }, instanceIds) => {
        const result = await migrations.encrypt({
          target,
          instanceIds,
          kmsKeyId: await aKey(migrations.world.others[0] ?? migrations.account),
          dryRun: true,
        });
        expect(result.plan?.items).toMatchObject([{ instanceId: instanceIds[0] }]);
        expect(result.skipped.items).toMatchObject([
          {
            item: instanceIds[1],
            reasons: [
              expect.stringMatching(
                /gp3.*\(L-7A658B76\).*no room.*--service-code ebs --quota-code L-7A658B76 --desired-value 1/,
              ),
            ],
          },
        ]);
      });
    });

    it('that may not be read stop nothing', async () => {
      const { instanceId } = await anInstance(migrations.account);
      const { plan } = await denied(
        migrations.world.proxy.upstream.origin,
        migrations.account,
        [{ Action: 'servicequotas:*' }],
        () => migrations.encrypt({ instanceIds: [instanceId], dryRun: true }),
      );
      expect(plan?.total).toBe(1);
    });
  });
});
