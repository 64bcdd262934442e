import { CreateTagsCommand, DescribeSnapshotsCommand, type Snapshot } from '@aws-sdk/client-ec2';
import type { RunBackupResult } from '../../../src/model/backup/run';
import type { EnforceExpiryResult } from '../../../src/model/retention/expiry';
import { HOME_REGION } from '../../support/accounts';
import { awaitResult } from '../../support/awaitResult';
import { AwsServer } from '../../support/awsServer';
import { aVolume, tagsOf } from '../../support/seed';
import { aWorld, type World } from '../../support/world';

const DAY = 86_400_000;
const DR = 'eu-west-1';

describe('expiry of a place with copies from an account that is not known any more', () => {
  let aws: AwsServer;
  let world: World;

  beforeAll(async () => {
    aws = await AwsServer.start('--speed', 'instant');
    world = await aWorld({ aws: aws.endpoint });
  });
  afterAll(async () => {
    await world.close();
    aws.stop();
  });

  async function copiesOf(policyName: string): Promise<Snapshot[]> {
    const Filters = [{ Name: 'tag:holdfast:policy', Values: [policyName] }];
    const command = new DescribeSnapshotsCommand({ OwnerIds: ['self'], Filters });
    return (await world.home.ec2(DR).send(command)).Snapshots ?? [];
  }

  /** Two points with their copies, of which the first is due. */
  async function due(policyName: string): Promise<void> {
    await aVolume(world.home, { tags: { policy: policyName } });
    await world.run('createBackupPolicy', {
      ...{ policyName, frequency: '4h', retention: '1d', minKeep: 1, rpo: '3000d' },
      selector: { tags: { all: { policy: policyName } } },
      copies: [{ toRegion: DR, retention: '1d' }],
    });
    for (let run = 0; run < 2; run += 1) {
      world.clock.offset = run * 2 * DAY;
      const { copies } = await world.run<RunBackupResult>('runBackup', { policyName });
      for (const { workflowId } of copies.items)
        await awaitResult(world.client.workflow.getHandle(workflowId));
      await aws.control.post('clock', { advance: 60 });
    }
  }

  it('keeps those, expires the others, and fails nothing', async () => {
    await due('sold');
    await due('open');
    const sold = (await copiesOf('sold')).flatMap(({ SnapshotId }) => SnapshotId ?? []);
    const Tags = [{ Key: 'holdfast:source-target', Value: `999999999999/${HOME_REGION}` }];
    await world.home.ec2(DR).send(new CreateTagsCommand({ Resources: sold, Tags }));
    const result = await world.run<EnforceExpiryResult>('enforceExpiry', {
      targets: [{ accountId: world.home.accountId, region: DR }],
    });
    expect(result.failed.items).toEqual([]);
    expect(await copiesOf('open')).toHaveLength(1);
    const left = (await copiesOf('sold')).map((each) => tagsOf(each)['holdfast:recovery-point']);
    expect(left.length).toBeGreaterThan(0);
    const kept = result.kept.items.map(({ recoveryPointId }) => recoveryPointId);
    expect(kept).toEqual(expect.arrayContaining(left));
  });
});
