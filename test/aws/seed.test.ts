import { anAccount, type TestAccount } from '../support/accounts';
import { aKey, anInstance, aVolume, instance, tagsOf, volume } from '../support/seed';
import { shared } from '../support/shared';

describe('what the tests seed', () => {
  let account: TestAccount;

  beforeAll(async () => {
    account = await anAccount(shared('awsEndpoint'));
  });
  afterAll(() => account.destroy());

  it('is an instance with the disks that were asked for', async () => {
    const { instanceId, volumes } = await anInstance(account, {
      tags: { Environment: 'production' },
      root: { type: 'gp2', size: 12 },
      data: [
        { device: '/dev/sdf', type: 'gp3', size: 20, iops: 5000, throughput: 300 },
        { device: '/dev/sdg', type: 'io2', size: 30, iops: 2000, deleteOnTermination: true },
      ],
    });

    const found = await instance(account, instanceId);
    expect(found.State?.Name).toBe('running');
    expect(tagsOf(found)).toEqual({ Environment: 'production' });
    expect(
      Object.fromEntries(
        (found.BlockDeviceMappings ?? []).map(({ DeviceName, Ebs }) => [
          DeviceName,
          Ebs?.DeleteOnTermination,
        ]),
      ),
    ).toEqual({ '/dev/xvda': true, '/dev/sdf': false, '/dev/sdg': true });
    const disks = await Promise.all(Object.values(volumes).map((id) => volume(account, id)));
    const shapes = disks.map((disk) => [disk.VolumeType, disk.Size, disk.Throughput, disk.Encrypted]);
    expect(shapes).toEqual([
      ['gp2', 12, undefined, false],
      ['gp3', 20, 300, false],
      ['io2', 30, undefined, false],
    ]);
    expect(disks.slice(1).map(({ Iops }) => Iops)).toEqual([5000, 2000]);
  });

  it('is a volume of its own, and a key', async () => {
    const disk = await volume(account, await aVolume(account, { type: 'st1', size: 500, tags: { a: 'b' } }));
    expect(disk).toMatchObject({ VolumeType: 'st1', Size: 500, State: 'available', Attachments: [] });
    expect(await aKey(account)).toContain(`:${account.accountId}:key/`);
  });
});
