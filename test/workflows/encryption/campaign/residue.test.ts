import { CreateImageCommand, DescribeImagesCommand, TerminateInstancesCommand } from '@aws-sdk/client-ec2';
import type { EncryptVolumesResult } from '../../../../src/model/encryption/campaign/campaign';
import { FAILURE } from '../../../../src/model/failures';
import { awaitResult } from '../../../support/awaitResult';
import { failedResult } from '../../../support/failure';
import { MigrationWorld } from '../../../support/migration';
import { anInstance, completed, snapshotOf } from '../../../support/seed';
import { until } from '../../../support/until';

/** The base image of the test machines is not encrypted either. */
async function unencryptedBefore(migrations: MigrationWorld) {
  const { residue } = await migrations.encrypt({ instanceIds: [(await anEncrypted(migrations)).instanceId] });
  return { snapshots: residue?.snapshots.items ?? [], images: residue?.images.items ?? [] };
}

async function anEncrypted(migrations: MigrationWorld) {
  return anInstance(migrations.account, { root: { kmsKeyId: migrations.key }, data: [] });
}

describe('what encryptVolumes leaves unencrypted', () => {
  let migrations: MigrationWorld;

  beforeAll(async () => {
    migrations = await MigrationWorld.open();
  });
  afterAll(() => migrations.close());
  beforeEach(() => migrations.world.proxy.reset());

  it('is named in its result: volumes, originals, snapshots and images', async () => {
    const { account } = migrations;
    const before = await unencryptedBefore(migrations);
    const [moved, other] = [await anInstance(account), await anInstance(account)];
    const [, data = ''] = Object.values(other.volumes);
    const snapshotId = await completed(account, await snapshotOf(account, data));
    const ec2 = account.ec2();
    const made = await ec2.send(new CreateImageCommand({ InstanceId: other.instanceId, Name: 'plain' }));
    const imageId = made.ImageId ?? '';
    const image = () => ec2.send(new DescribeImagesCommand({ ImageIds: [imageId] }));
    await until(async () => (await image()).Images?.[0]?.State === 'available');
    const ofImage = ((await image()).Images?.[0]?.BlockDeviceMappings ?? []).map(
      ({ Ebs }) => Ebs?.SnapshotId,
    );

    const { residue, summary } = await migrations.encrypt({
      instanceIds: [moved.instanceId],
      strategy: 'clone',
    });
    expect([...(residue?.volumes.items ?? [])].sort()).toEqual(Object.values(other.volumes).sort());
    expect([...(residue?.originals.items ?? [])].sort()).toEqual(Object.values(moved.volumes).sort());
    expect([...(residue?.snapshots.items ?? [])].sort()).toEqual(
      [...before.snapshots, snapshotId, ...ofImage].sort(),
    );
    expect(residue?.images.items).toEqual(expect.arrayContaining([...before.images, imageId]));
    expect(summary).toMatch(
      /; still unencrypted in \d{12}\/us-east-1: 2 volumes, 2 originals kept until commit, \d+ snapshots, \d+ images?$/,
    );

    await migrations.tell(moved.instanceId, 'commit');
    await awaitResult(migrations.machine(moved.instanceId));
    const again = await migrations.encrypt({ instanceIds: [moved.instanceId] });
    expect(again.residue?.originals.total).toBe(0);
  });

  it('is no reason to fail where nobody may look', async () => {
    const { instanceId } = await anInstance(migrations.account);
    const denied = { before: { code: 'UnauthorizedOperation', status: 403 } };
    const started = migrations.meanwhile('StartInstances', () => {
      migrations.world.proxy.fault('DescribeSnapshots', denied);
      return Promise.resolve();
    });
    const result = await migrations.encrypt({ instanceIds: [instanceId], strategy: 'clone' });
    await started;
    expect(result.encrypted.total).toBe(1);
    expect(result.residue).toBeUndefined();
  });

  it('a machine that goes while the others are planned is skipped, and they are not', async () => {
    const team = { team: 'going' };
    const [going, staying] = [
      await anInstance(migrations.account, { tags: team }),
      await anInstance(migrations.account, { tags: team }),
    ];
    const ec2 = migrations.account.ec2();
    const gone = migrations.meanwhile('DescribeInstances', () =>
      ec2.send(new TerminateInstancesCommand({ InstanceIds: [going.instanceId] })),
    );
    const result = await failedResult<EncryptVolumesResult>(
      migrations.encrypt({ selector: { tags: { all: team } }, maxFailures: 5 }),
      FAILURE.partialFailure,
    );
    await gone;
    expect(result.encrypted.items).toEqual([expect.objectContaining({ instanceId: staying.instanceId })]);
    expect(result.skipped.items).toEqual([
      {
        item: going.instanceId,
        reasons: [expect.stringMatching(/gone meanwhile.*terminated|shutting-down/)],
      },
    ]);
  });
});
