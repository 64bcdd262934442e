import { StartInstancesCommand, EC2Client } from '@aws-sdk/client-ec2';
import { CloudTrailClient, LookupEventsCommand } from '@aws-sdk/client-cloudtrail';
import { PutKeyPolicyCommand } from '@aws-sdk/client-kms';
import { assumeRole, createRole } from '../../../../local/stack/roles';
import type { EncryptVolumesResult } from '../../../../src/model/encryption/campaign/campaign';
import { keyPolicy } from '../../../../src/model/keys/keyPolicy';
import { HOME_REGION } from '../../../support/accounts';
import { MigrationWorld } from '../../../support/migration';
import { aKey, anInstance, stopped } from '../../../support/seed';
import { until } from '../../../support/until';

const DENIED = { before: { code: 'AccessDeniedException', status: 400 } };

describe('who else starts a machine', () => {
  let migrations: MigrationWorld;
  let instanceId: string;

  const startedBy = async (name: string, statements: object[]): Promise<void> => {
    const { home, proxy } = migrations.world;
    const endpoint = proxy.upstream.origin;
    const role = { accountId: home.accountId, name, trusts: [home.accountId], statements };
    const arn = await createRole(endpoint, home.credentials, role);
    const credentials = await assumeRole(endpoint, arn, { credentials: home.credentials });
    const ec2 = new EC2Client({ region: HOME_REGION, endpoint, credentials });
    await stopped(home, instanceId);
    await ec2.send(new StartInstancesCommand({ InstanceIds: [instanceId] }));
    ec2.destroy();
  };
  const allow = (Action: string) => ({ Effect: 'Allow', Action, Resource: '*' });

  beforeAll(async () => {
    migrations = await MigrationWorld.open();
    ({ instanceId } = await anInstance(migrations.world.home));
    await startedBy('scheduler', [allow('ec2:StartInstances')]);
    await startedBy('operator', [allow('ec2:StartInstances'), allow('kms:CreateGrant')]);
    const trail = new CloudTrailClient({
      region: HOME_REGION,
      endpoint: migrations.world.proxy.upstream.origin,
      credentials: migrations.world.home.credentials,
    });
    const started = { AttributeKey: 'EventName' as const, AttributeValue: 'StartInstances' };
    const known = async () =>
      (await trail.send(new LookupEventsCommand({ LookupAttributes: [started] }))).Events ?? [];
    await until(async () => (await known()).length === 2);
    trail.destroy();
  });
  afterAll(() => migrations.close());
  beforeEach(() => migrations.world.proxy.reset());

  const plan = (kmsKeyId: string): Promise<EncryptVolumesResult> =>
    migrations.encrypt({ instanceIds: [instanceId], kmsKeyId, dryRun: true });
  const warnings = (result: EncryptVolumesResult) =>
    (result.plan?.items[0]?.warnings ?? []).map(({ kind, text }) => `${kind}: ${text}`);

  it('is not checked, and no warning, where CloudTrail may not be read', async () => {
    migrations.world.proxy.fault('LookupEvents', DENIED);
    const result = await plan(migrations.key);
    expect(warnings(result)).toEqual([]);
    expect(result.notChecked?.[0]).toContain('it needs cloudtrail:LookupEvents');
  });

  it('is warned of where they may make no grants on the key, and only they', async () => {
    const found = warnings(await plan(migrations.key));
    expect(found).toEqual([expect.stringMatching(/^starter: .*:role\/scheduler, who last started it on/)]);
    expect(found[0]).toContain('has no kms:CreateGrant on the key');
  });

  it('is read once for campaigns that follow each other', async () => {
    await plan(migrations.key);
    expect(migrations.world.proxy.callsOf('LookupEvents')).toEqual([]);
  });

  it('is no matter where the key lets everybody of the account in through EC2', async () => {
    const key = await aKey(migrations.world.home);
    const Policy = JSON.stringify(keyPolicy(migrations.target));
    await migrations.world.home
      .kms()
      .send(new PutKeyPolicyCommand({ KeyId: key, PolicyName: 'default', Policy }));
    expect(warnings(await plan(key))).toEqual([]);
  });

  it('says what it would need to look at policies', async () => {
    migrations.world.proxy.fault('SimulatePrincipalPolicy', DENIED);
    const result = await plan(migrations.key);
    expect(warnings(result)).toEqual([]);
    expect(result.notChecked).toContainEqual(expect.stringContaining('iam:SimulatePrincipalPolicy'));
  });
});
