import { CreateSnapshotCommand, DescribeSnapshotsCommand } from '@aws-sdk/client-ec2';
import type { TestAccount } from '../support/accounts';
import { AwsServer } from '../support/awsServer';
import { aVolume } from '../support/seed';

/** https://docs.aws.amazon.com/ebs/latest/userguide/ebs-creating-snapshot.html */
describe('the clock of the local AWS', () => {
  let aws: AwsServer;
  let account: TestAccount;

  beforeAll(async () => {
    aws = await AwsServer.start('--speed', '0');
    account = await aws.account();
  });
  afterAll(() => aws.stop());

  it('advances by as much as it is told, and what takes time is done by it', async () => {
    const VolumeId = await aVolume(account, { size: 100 });
    await aws.control.post('clock', { advance: 60 });
    const { SnapshotId = '', State } = await account.ec2().send(new CreateSnapshotCommand({ VolumeId }));
    expect(State).toBe('pending');
    const now = async () => {
      const { Snapshots = [] } = await account
        .ec2()
        .send(new DescribeSnapshotsCommand({ SnapshotIds: [SnapshotId] }));
      return Snapshots[0];
    };
    expect(await now()).toMatchObject({ State: 'pending' });
    await aws.control.post('clock', { advance: 300 });
    const midway = Number.parseInt((await now())?.Progress ?? '', 10);
    expect(midway).toBeGreaterThan(20);
    expect(midway).toBeLessThan(80);
    await aws.control.post('clock', { advance: 3600 });
    expect(await now()).toMatchObject({ State: 'completed', Progress: '100%' });
  });

  it('can be set, and stamps what is made', async () => {
    await aws.control.post('clock', { set: '2031-05-01T00:00:00Z', speed: 'instant' });
    const { StartTime } = await account
      .ec2()
      .send(new CreateSnapshotCommand({ VolumeId: await aVolume(account) }));
    expect(StartTime?.toISOString()).toMatch(/^2031-05-01T00:00/);
    expect(await aws.control.get('clock')).toMatchObject({ speed: 'instant' });
  });

  it('takes as many times longer as it is told, in whatever begins from then on', async () => {
    const VolumeId = await aVolume(account, { size: 8 });
    await aws.control.post('clock', { speed: 0 });
    const taken = async (factor: number, seconds: number) => {
      await aws.control.post('durations', { factor });
      const { SnapshotId = '' } = await account.ec2().send(new CreateSnapshotCommand({ VolumeId }));
      await aws.control.post('clock', { advance: seconds });
      const asked = new DescribeSnapshotsCommand({ SnapshotIds: [SnapshotId] });
      return (await account.ec2().send(asked)).Snapshots?.[0]?.State;
    };
    // The first moves 8 GiB, the others nothing.
    expect(await taken(1, 60)).toBe('pending');
    await aws.control.post('clock', { advance: 3600 });
    expect(await taken(2, 30)).toBe('pending');
    expect(await taken(0.5, 15)).toBe('completed');
    expect(await taken(1, 30)).toBe('completed');
    await expect(aws.control.post('durations', { factor: 0 })).rejects.toThrow('a number above 0');
  });

  it('says what it can do to whoever asks for something else', async () => {
    await expect(aws.control.post('weather')).rejects.toThrow('POST /_local/clock');
    await expect(aws.control.post('clock')).rejects.toThrow('say set, advance or speed');
  });
});
