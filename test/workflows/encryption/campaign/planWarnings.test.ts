import { CreateTagsCommand } from '@aws-sdk/client-ec2';
import type { EncryptVolumesResult } from '../../../../src/model/encryption/campaign/campaign';
import { FAILURE } from '../../../../src/model/failures';
import type { ProgressPage } from '../../../../src/model/progress';
import { AwsControl } from '../../../../local/measure/control';
import { awaitResult } from '../../../support/awaitResult';
import { HOME_REGION } from '../../../support/accounts';
import { expectFailure, failedResult } from '../../../support/failure';
import { MESSAGE, MigrationWorld } from '../../../support/migration';
import { anInstance, aVolume, type SeededInstance } from '../../../support/seed';

const TERRAFORM = { ManagedBy: 'Terraform' };

describe('warnings of encryptVolumes', () => {
  let migrations: MigrationWorld;

  beforeAll(async () => {
    migrations = await MigrationWorld.open();
  });
  afterAll(() => migrations.close());
  beforeEach(() => migrations.world.proxy.reset());

  const machine = (tags: Record<string, string> = {}): Promise<SeededInstance> =>
    anInstance(migrations.world.home, { tags });
  const isEncrypted = async (id: string) =>
    (await migrations.stateOf(id)).disks.every(({ encrypted }) => encrypted);
  const dryRun = (input: object) => migrations.encrypt({ ...input, dryRun: true });

  it('are part of a dry run, which needs no answer', async () => {
    const owned = await machine(TERRAFORM);
    const free = await machine();
    const result = await dryRun({ instanceIds: [owned.instanceId, free.instanceId] });
    expect(result.plan?.items.map(({ warnings }) => warnings?.map(({ kind }) => kind))).toEqual([
      ['owner'],
      undefined,
    ]);
    expect(result.summary).toContain('warnings about 1 of them would wait for approval');
    expect(result.plan?.items[0]?.warnings?.[0]?.text).toContain('its tag ManagedBy=Terraform');
  });

  it('ask although no approval was asked for, and say what for; a rejection touches nothing', async () => {
    const { instanceId } = await machine(TERRAFORM);
    const before = await migrations.stateOf(instanceId);
    const campaign = await migrations.start({ instanceIds: [instanceId] });
    await migrations.phase(campaign, 'Waiting for approval');
    const { rows } = await campaign.query<ProgressPage>('progress');
    expect(rows).toMatchObject([{ item: instanceId, state: 'warning' }]);
    expect(rows[0]?.note).toContain('Terraform owns it');
    await campaign.executeUpdate('reject', { args: [MESSAGE] });
    await expectFailure(awaitResult(campaign), FAILURE.rejected);
    expect(await migrations.stateOf(instanceId)).toEqual(before);
  });

  it('are taken for the machines that an approval names, and leave the others alone', async () => {
    const [first, second, free] = [await machine(TERRAFORM), await machine(TERRAFORM), await machine()];
    const ids = [first, second, free].map(({ instanceId }) => instanceId);
    const campaign = await migrations.start({ instanceIds: ids, concurrency: 3 });
    await migrations.phase(campaign, 'Waiting for approval');
    const approve = (items: string[]) => campaign.executeUpdate('approve', { args: [{ ...MESSAGE, items }] });
    await expect(approve([free.instanceId])).rejects.toMatchObject({
      cause: { message: expect.stringContaining('does not wait for approval') as string },
    });
    await approve([first.instanceId]);
    const result = await failedResult<EncryptVolumesResult>(awaitResult(campaign), FAILURE.partialFailure);
    expect(result.encrypted.items.map((each) => 'instanceId' in each && each.instanceId).sort()).toEqual(
      [first.instanceId, free.instanceId].sort(),
    );
    expect(result.skipped.items).toMatchObject([{ item: second.instanceId }]);
    expect(result.skipped.items[0]?.reasons[0]).toMatch(/not among what ann approved .*ManagedBy=Terraform/);
    expect(await isEncrypted(second.instanceId)).toBe(false);
    const data = first.volumes['/dev/sdf'] ?? '';
    const made = result.volumeIdMap[data];
    const imported = result.importCommands?.items.find(({ volumeId }) => volumeId === made);
    expect(imported?.command).toContain(
      `terraform import aws_volume_attachment.ADDRESS /dev/sdf:${made}:${first.instanceId}`,
    );
  });

  it('are not taken by an approval that was given before they were known', async () => {
    const { instanceId } = await machine(TERRAFORM);
    const early = { ...MESSAGE, reason: 'early' };
    const campaign = await migrations.startAnd(
      { instanceIds: [instanceId], requireApproval: true },
      'DescribeTags',
      (handle) => handle.executeUpdate('approve', { args: [early] }),
    );
    await migrations.phase(campaign, 'Waiting for approval');
    expect(await isEncrypted(instanceId)).toBe(false);
    await campaign.executeUpdate('approve', { args: [MESSAGE] });
    expect(await awaitResult<EncryptVolumesResult>(campaign)).toMatchObject({ encrypted: { total: 1 } });
  });

  it('name the stack of a volume that CloudFormation knows, with the steps that import the new one', async () => {
    const volumeId = await aVolume(migrations.world.home);
    await new AwsControl(migrations.world.proxy.upstream.origin).post('service-tags', {
      accountId: migrations.world.home.accountId,
      region: HOME_REGION,
      resourceId: volumeId,
      tags: { 'aws:cloudformation:stack-name': 'orders', 'aws:cloudformation:logical-id': 'Data' },
    });
    const campaign = await migrations.start({ volumeIds: [volumeId] });
    await migrations.phase(campaign, 'Waiting for approval');
    await campaign.signal('approve', MESSAGE);
    const { importCommands, volumeIdMap } = await awaitResult<EncryptVolumesResult>(campaign);
    expect(importCommands?.items).toMatchObject([
      { volumeId: volumeIdMap[volumeId], tool: 'CloudFormation' },
    ]);
    expect(importCommands?.items[0]?.command).toContain(
      `--stack-name orders --change-set-name holdfast-${volumeIdMap[volumeId]} --change-set-type IMPORT`,
    );
  });

  it('name what they could not look at, and stand in nobody’s way', async () => {
    const { instanceId } = await machine();
    await migrations.world.home
      .ec2()
      .send(new CreateTagsCommand({ Resources: [instanceId], Tags: [{ Key: 'IaC', Value: 'pulumi' }] }));
    migrations.world.proxy.fault('DescribeTags', { before: { code: 'UnauthorizedOperation', status: 403 } });
    const { plan, notChecked } = await dryRun({ instanceIds: [instanceId] });
    expect(plan?.items[0]?.warnings).toBeUndefined();
    expect(notChecked?.[0]).toContain('it needs ec2:DescribeTags');
  });
});
