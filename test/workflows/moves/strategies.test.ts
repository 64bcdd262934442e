import { CopyVolumesCommand } from '@aws-sdk/client-ec2';
import type { EncryptVolumesResult } from '../../../src/model/encryption/campaign/campaign';
import { FAILURE } from '../../../src/model/failures';
import { AwsServer } from '../../support/awsServer';
import { awaitResult } from '../../support/awaitResult';
import { expectOnlyEncryptionChanged } from '../../support/claims';
import { failedResult } from '../../support/failure';
import { MigrationWorld, STRATEGIES } from '../../support/migration';
import { aKey, anInstance, aVolume, tagsOf, type DiskSpec } from '../../support/seed';
import { until } from '../../support/until';

const DAY = 86_400;
/** Initialized after four days of the local AWS's time, which no test waits for. */
const HUGE = 16_000;
/** TiB of gp3 in a region, of which some huge volumes need more than an account has to begin with. */
const STORAGE_QUOTA = 'L-7A658B76';

const data = (count: number, size: number): DiskSpec[] =>
  Array.from({ length: count }, (_, n) => ({ device: `/dev/sd${'fghijk'.charAt(n)}`, size }));

describe('the strategy of a migration', () => {
  let aws: AwsServer;
  let migrations: MigrationWorld;

  beforeAll(async () => {
    aws = await AwsServer.start();
    migrations = await MigrationWorld.open({ aws: aws.endpoint });
    const { target } = migrations;
    await aws.control.post('quotas', { ...target, code: STORAGE_QUOTA, value: 10_000 });
  });
  afterAll(async () => {
    await migrations.close();
    aws.stop();
  });
  beforeEach(async () => {
    await aws.control.post('clock', { advance: 30 * DAY });
    migrations.world.proxy.reset();
  });

  const machine = async (disks = data(1, 10)) =>
    (await anInstance(migrations.world.home, { data: disks })).instanceId;

  /** Somebody else copies volumes, for days. */
  async function othersCopy(count: number): Promise<void> {
    const { home } = migrations.world;
    for (let copied = 0; copied < count; copied++) {
      const SourceVolumeId = await aVolume(home, { size: HUGE });
      await home.ec2().send(new CopyVolumesCommand({ SourceVolumeId, VolumeType: 'gp3' }));
    }
  }

  /** Volumes of a machine that claim a copy. */
  async function claimsOf(instanceId: string): Promise<number> {
    const { disks } = await migrations.stateOf(instanceId);
    return disks.filter(({ marks }) => marks.includes('holdfast:clone-claim')).length;
  }
  const chosen = ({ encrypted }: EncryptVolumesResult) => encrypted.items.map(({ strategy }) => strategy);

  it('is clone by itself, with the downtimes to expect in the plan', async () => {
    const instanceId = await machine(data(1, 1024));
    const { plan } = await migrations.encrypt({ instanceIds: [instanceId], dryRun: true });
    expect(plan?.items).toMatchObject([
      { instanceId, strategy: { asked: 'auto', name: 'clone', reducedSpeedHours: 6 } },
    ]);
    const { copy = 0, direct = 0, clone = 0 } = plan?.items[0]?.strategy.expectedDowntimeMs ?? {};
    expect(clone).toBeLessThan(direct);
    expect(direct).toBeLessThan(copy);
    const result = await migrations.encrypt({ instanceIds: [instanceId] });
    expect(chosen(result)).toEqual([plan?.items.map(({ strategy: { name, why } }) => ({ name, why }))[0]]);
    expect(migrations.world.proxy.callsOf('CreateSnapshots')).toEqual([]);
  });

  it('becomes direct when others have taken the copies of the region, before anything stops', async () => {
    const instanceId = await machine();
    await othersCopy(4);
    let claimed: number | undefined;
    const seeded = migrations.meanwhile('CreateSnapshots', async () => {
      claimed = await claimsOf(instanceId);
    });
    const result = await migrations.encrypt({ instanceIds: [instanceId] });
    await seeded;
    expect(chosen(result)).toEqual([
      {
        name: 'direct',
        why: "1 of the region's 5 volume copies are free, and it needs 2; direct needs no volume copies",
      },
    ]);
    expect(claimed).toBe(0);
  });

  it('waits, while the machine runs, for copies that were asked for', async () => {
    const instanceId = await machine();
    await othersCopy(4);
    const run = await migrations.start({ instanceIds: [instanceId], strategy: 'clone' });
    await migrations.phase(migrations.machine(instanceId), 'Claiming volume copies');
    const looks = () => migrations.world.proxy.callsOf('DescribeVolumeStatus').length;
    await until(() => Promise.resolve(looks() >= 3));
    expect(migrations.world.proxy.callsOf('StopInstances')).toEqual([]);
    expect((await migrations.stateOf(instanceId)).state).toBe('running');
    await aws.control.post('clock', { advance: 5 * DAY });
    expect(chosen(await awaitResult(run))).toEqual([{ name: 'clone', why: 'strategy clone was asked for' }]);
  });

  it('gives up its claim when it is cancelled while it waits', async () => {
    const instanceId = await machine();
    const before = await migrations.stateOf(instanceId);
    await othersCopy(5);
    // A cancellation reaches a waiting activity with the answer to its next heartbeat.
    const limits = { heartbeat: 2_000 };
    const run = await migrations.start({ instanceIds: [instanceId], strategy: 'clone' }, { limits });
    await until(async () => (await claimsOf(instanceId)) === 2);
    await migrations.machine(instanceId).cancel();
    await failedResult(awaitResult(run), FAILURE.allFailed);
    expect(await migrations.stateOf(instanceId)).toEqual(before);
  });

  it('never has two machines stop for copies that only one can have', async () => {
    const instanceIds = await Promise.all([machine(data(2, 3000)), machine(data(2, 3000))]);
    const result = await migrations.encrypt({ instanceIds, concurrency: 2 });
    expect(
      chosen(result)
        .map((strategy) => strategy?.name)
        .sort(),
    ).toEqual(['clone', 'direct']);
    expect(result).toMatchObject({ rolledBack: { total: 0 }, failed: { total: 0 } });
  });

  it('becomes direct where the role may not copy volumes, and says so', async () => {
    const instanceId = await machine();
    migrations.world.proxy.fault('CopyVolumes', { before: { code: 'UnauthorizedOperation', status: 403 } });
    const [strategy] = chosen(await migrations.encrypt({ instanceIds: [instanceId] }));
    expect(strategy).toMatchObject({
      name: 'direct',
      why: expect.stringContaining('allow ec2:CopyVolumes') as string,
    });
  });

  it.each(STRATEGIES)('%s moves volumes under another key too, where that is asked for', async (strategy) => {
    const { home } = migrations.world;
    const { instanceId } = await anInstance(home, { root: { kmsKeyId: await aKey(home) } });
    await migrations.writeTo(instanceId);
    const [before, content] = [await migrations.stateOf(instanceId), await migrations.contentOf(instanceId)];
    await migrations.encrypt({ instanceIds: [instanceId], strategy, rekey: true });
    const after = await migrations.stateOf(instanceId);
    expectOnlyEncryptionChanged(before, after);
    expect(after.disks.map(({ key }) => key)).toEqual([migrations.key, migrations.key]);
    expect(await migrations.contentOf(instanceId)).toEqual(content);

    await migrations.tell(instanceId, 'commit');
    await awaitResult(migrations.machine(instanceId));
    const kept = await migrations.snapshots(instanceId);
    expect(kept.map(({ KmsKeyId }) => KmsKeyId)).toEqual([migrations.key, migrations.key]);
    expect(kept.every((snapshot) => tagsOf(snapshot)['holdfast:expires-at'] === 'never')).toBe(true);
    const originals = before.disks.map(({ volumeId = '' }) => volumeId);
    expect(await migrations.volumes({ Name: 'volume-id', Values: originals })).toEqual([]);
  });

  it('leaves volumes under another key alone where it is not', async () => {
    const { home } = migrations.world;
    const otherKey = await aKey(home);
    const { instanceId, volumes } = await anInstance(home, { root: { kmsKeyId: otherKey } });
    await migrations.encrypt({ instanceIds: [instanceId] });
    const [after] = [await migrations.stateOf(instanceId)];
    expect(after.disks.map(({ key }) => key).sort()).toEqual([otherKey, migrations.key].sort());
    expect(after.disks.map(({ volumeId }) => volumeId)).toContain(volumes['/dev/xvda']);
  });
});
