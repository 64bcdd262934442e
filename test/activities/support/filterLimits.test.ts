import { CreateSnapshotCommand, CreateTagsCommand, type Snapshot } from '@aws-sdk/client-ec2';
import { MockActivityEnvironment } from '@temporalio/testing';
import { IN_ARCHIVE, findTiering } from '../../../src/activities/points/tiers';
import type { ActivityDeps } from '../../../src/activities/support/deps';
import { inventoryActivities } from '../../../src/activities/machines/inventory';
import { readPointsNow, type PointsNow } from '../../../src/activities/retention/pointsNow';
import { selectSnapshots } from '../../../src/activities/encryption/snapshots/facts';
import type { PolicySelector } from '../../../src/model/selector';
import { anAccount, type TestAccount } from '../../support/accounts';
import { anInstance, aVolume } from '../../support/seed';
import { shared } from '../../support/shared';

/** EC2 refuses more: https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/Using_Filtering.html */
describe('selectors beyond the filters that one call takes', () => {
  let account: TestAccount;
  let instanceId: string;
  let volumeId: string;
  let snapshotId: string;

  const KEYS = ['a', 'b', 'c', 'd', 'e'];
  const tagged = KEYS.map((Key) => ({ Key, Value: `${Key}49` }));
  const all = Object.fromEntries(
    KEYS.map((key) => [key, Array.from({ length: 50 }, (_, value) => `${key}${value}`)]),
  );
  const ids = (prefix: string, own: string) => [
    ...Array.from({ length: 220 }, (_, n) => `${prefix}-${n.toString(16).padStart(17, '0')}`),
    own,
  ];

  beforeAll(async () => {
    account = await anAccount(shared('awsEndpoint'));
    ({ instanceId } = await anInstance(account, { data: [] }));
    volumeId = await aVolume(account, { size: 1 });
    const { SnapshotId = '' } = await account.ec2().send(new CreateSnapshotCommand({ VolumeId: volumeId }));
    snapshotId = SnapshotId;
    await account
      .ec2()
      .send(new CreateTagsCommand({ Resources: [instanceId, volumeId, snapshotId], Tags: tagged }));
    // Almost what is asked for.
    const other = await aVolume(account, { size: 1 });
    await account.ec2().send(new CreateTagsCommand({ Resources: [other], Tags: tagged.slice(1) }));
  });
  afterAll(() => account.destroy());

  const target = () => ({ accountId: account.accountId, region: 'us-east-1' });

  async function unitsOf(selector: PolicySelector): Promise<string[]> {
    const deps = { aws: { ec2: () => account.ec2() } } as unknown as ActivityDeps;
    const inventory = inventoryActivities(deps);
    const found: string[] = [];
    for (let cursor: string | undefined; ;) {
      const page = await inventory.listUnits({ target: target(), selector, cursor });
      found.push(...page.units.map(({ resourceId }) => resourceId));
      cursor = page.cursor;
      if (cursor === undefined) return found.sort();
    }
  }

  it('find by five tags of fifty values what carries one of each, and nothing else', async () => {
    expect(await unitsOf({ tags: { all } })).toEqual([instanceId, volumeId].sort());
  });

  it('find it among more tags than there are filters', async () => {
    const any = Object.fromEntries(Array.from({ length: 49 }, (_, n) => [`none${n}`, 'x']));
    expect(await unitsOf({ tags: { all, any: { ...any, a: 'a49' } } })).toEqual(
      [instanceId, volumeId].sort(),
    );
  });

  it('find it among more ids than there are values', async () => {
    const selector = { instanceIds: ids('i', instanceId), volumeIds: ids('vol', volumeId) };
    expect(await unitsOf(selector)).toEqual([instanceId, volumeId].sort());
  });

  it('find points among more sources than there are values', async () => {
    const ask = () =>
      readPointsNow({ aws: { ec2: () => account.ec2() } } as unknown as ActivityDeps, target(), {
        sources: [...ids('i', instanceId), ...ids('vol', volumeId)],
        snapshotIds: [],
      });
    const { snapshots } = await new MockActivityEnvironment().run<[], PointsNow, typeof ask>(ask);
    expect(snapshots).toEqual([]);
  });

  it('tell the tiers of more snapshots than there are values', async () => {
    const found = await findTiering(account.ec2(), ids('snap', snapshotId), IN_ARCHIVE);
    expect([...found]).toEqual([]);
  });

  it('find snapshots', async () => {
    const scope = {
      target: target(),
      selector: { tags: { all }, unencrypted: true as const },
      kmsKeyArn: 'arn',
      maker: { workflowId: 'w', runId: 'r' },
    };
    const select = () => selectSnapshots(account.ec2(), scope);
    const found = await new MockActivityEnvironment().run<[], Snapshot[], typeof select>(select);
    expect(found.map(({ SnapshotId }) => SnapshotId)).toEqual([snapshotId]);
  });
});
