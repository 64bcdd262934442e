import { DescribeSnapshotsCommand } from '@aws-sdk/client-ec2';
import type { RunBackupResult } from '../../../src/model/backup/run';
import type { EnforceExpiryResult } from '../../../src/model/retention/expiry';
import { anInstance, volumesOfTwoPages } from '../../support/seed';
import { awaitResult } from '../../support/awaitResult';
import { aWorld, type World } from '../../support/world';

const DAY = 86_400_000;

describe('a backup of a target whose history grows long', () => {
  let world: World;

  beforeAll(async () => {
    world = await aWorld({ suggestContinueAsNewAfter: 5 });
  });
  afterAll(() => world.close());

  it('continues as new between pages, and still counts everything once', async () => {
    const policyName = 'long';
    const tags = { policy: policyName };
    const { volumes } = await anInstance(world.home, { tags });
    const alone = await volumesOfTwoPages(world.home, tags);
    const policy = {
      policyName,
      frequency: '4h',
      retention: '30d',
      minKeep: 1,
      selector: { tags: { all: tags } },
    };
    await world.run('createBackupPolicy', policy);
    const run = await world.start('runBackup', { policyName });
    const selected = alone.length + 1;
    const result = await awaitResult<RunBackupResult>(run);
    expect(result).toMatchObject({
      status: 'COMPLETED',
      selected,
      protected: selected,
      volumes: selected + 1,
    });
    const Filters = [{ Name: 'tag:holdfast:policy', Values: [policyName] }];
    const { Snapshots = [] } = await world.home.ec2().send(new DescribeSnapshotsCommand({ Filters }));
    const protectedIds = Snapshots.map(({ VolumeId }) => VolumeId).sort();
    expect(protectedIds).toEqual([...alone, volumes['/dev/xvda'], volumes['/dev/sdf']].sort());
    expect(world.proxy.callsOf('CreateSnapshots')).toHaveLength(1);
    expect(await continuedBy(`${run.workflowId}/${world.home.accountId}/us-east-1`)).toBeTruthy();

    // All points of the first run are due at once, which is more than a batch.
    world.clock.offset = 31 * DAY;
    await world.run('runBackup', { policyName });
    const expiry = await world.start('enforceExpiry', {});
    const expired = await awaitResult<EnforceExpiryResult>(expiry);
    expect(expired.expired).toMatchObject({ total: selected, truncated: true });
    expect(expired.failed.total).toBe(0);
    expect(await continuedBy(expiry.workflowId)).toBeTruthy();
    const left = await world.home.ec2().send(new DescribeSnapshotsCommand({ Filters }));
    expect(left.Snapshots).toHaveLength(selected + 1);
    expect(
      left.Snapshots?.filter(({ SnapshotId }) => Snapshots.some((old) => old.SnapshotId === SnapshotId)),
    ).toEqual([]);
    world.clock.offset = 0;
  });

  async function continuedBy(workflowId: string): Promise<string | null | undefined> {
    const { events } = await world.client.workflow.getHandle(workflowId).fetchHistory();
    return events?.[0]?.workflowExecutionStartedEventAttributes?.continuedExecutionRunId;
  }
});
