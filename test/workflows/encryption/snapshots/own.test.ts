import {
  CreateSnapshotCommand,
  DescribeSnapshotsCommand,
  DescribeVolumesCommand,
  type Snapshot,
} from '@aws-sdk/client-ec2';
import { createActivities } from '../../../../src/activities';
import type { Residue } from '../../../../src/model/encryption/residue';
import type { EncryptSnapshotsResult } from '../../../../src/model/encryption/snapshots/snapshotEncryption';
import { HOME_REGION } from '../../../support/accounts';
import { MigrationWorld } from '../../../support/migration';
import { anInstance, aVolume, completed, tagsOf } from '../../../support/seed';
import { MockActivityEnvironment } from '@temporalio/testing';

let migrations: MigrationWorld;

const tagList = (tags: Record<string, string>) =>
  Object.entries(tags).map(([Key, Value]) => ({ Key, Value }));

/** Somebody's snapshot of a volume of theirs, with the tags and the description of another one. */
async function likeThat(snapshot: Snapshot | undefined): Promise<string> {
  const { account } = migrations;
  const VolumeId = await aVolume(account, { size: 1 });
  const Tags = tagList(tagsOf(snapshot ?? {}));
  const { SnapshotId } = await account.ec2().send(
    new CreateSnapshotCommand({
      VolumeId,
      Description: snapshot?.Description,
      TagSpecifications: [{ ResourceType: 'snapshot', Tags }],
    }),
  );
  return completed(account, SnapshotId);
}

async function residue(): Promise<Residue> {
  const activities = createActivities(migrations.world.deps);
  const target = { accountId: migrations.account.accountId, region: HOME_REGION };
  return new MockActivityEnvironment().run(() => activities.findUnencrypted({ target }));
}

const plan = (): Promise<EncryptSnapshotsResult> =>
  migrations.world.run('encryptSnapshots', {
    selector: { unencrypted: true },
    kmsKeyId: migrations.key,
    dryRun: true,
  });

describe('what Holdfast keeps for itself', () => {
  beforeAll(async () => {
    migrations = await MigrationWorld.open();
  });
  afterAll(() => migrations.close());
  beforeEach(() => migrations.world.proxy.reset());

  it('is in no selection and no count of what is not encrypted, and what only carries its marks is', async () => {
    const { account } = migrations;
    const { instanceId, volumes } = await anInstance(account);
    let found: Promise<void> = Promise.resolve();
    const look = async () => {
      const ids = Object.values(volumes);
      const Filters = [{ Name: 'volume-id', Values: ids }];
      const { Snapshots = [] } = await account.ec2().send(new DescribeSnapshotsCommand({ Filters }));
      const staged = Snapshots.map(({ SnapshotId = '' }) => SnapshotId).sort();
      expect(staged).toHaveLength(2);
      const stranger = await likeThat(Snapshots[0]);
      const { plan: planned, leftOut, summary, residue: left } = await plan();
      expect(planned?.items).toContain(stranger);
      expect(planned?.items).not.toEqual(expect.arrayContaining(staged));
      expect(leftOut).toBe(2);
      expect(summary).toContain("2 more are Holdfast's own and left out");
      expect([...(left.staged?.items ?? [])].sort()).toEqual(staged);
      expect(left.snapshots.items).toContain(stranger);
    };
    const looked = migrations.meanwhile('CopySnapshot', () => (found = look()));
    await migrations.encrypt({ instanceIds: [instanceId], strategy: 'copy' });
    await looked;
    await found;
  });

  it('as an original is detached and named by what replaces it: what somebody restored with its tags is theirs', async () => {
    const { account } = migrations;
    const { instanceId, volumes } = await anInstance(account);
    await migrations.encrypt({ instanceIds: [instanceId], strategy: 'clone' });
    const [VolumeId = ''] = Object.values(volumes);
    const { Volumes = [] } = await account.ec2().send(new DescribeVolumesCommand({ VolumeIds: [VolumeId] }));
    const restored = await aVolume(account, { tags: tagsOf(Volumes[0]!) });
    const { originals, volumes: theirs } = await residue();
    expect(originals.items).toEqual(expect.arrayContaining(Object.values(volumes)));
    expect(originals.items).not.toContain(restored);
    expect(theirs.items).toContain(restored);
  });
});
