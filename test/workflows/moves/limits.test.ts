import { CreateTagsCommand } from '@aws-sdk/client-ec2';
import type { EncryptVolumesResult } from '../../../src/model/encryption/campaign/campaign';
import { FAILURE } from '../../../src/model/failures';
import { expectOnlyEncryptionChanged } from '../../support/claims';
import { failedResult } from '../../support/failure';
import { MigrationWorld } from '../../support/migration';
import { anInstance, aVolume, instance } from '../../support/seed';

/** What EC2 refuses however long one waits, and what is not there any more: no machine stays down for either. */
describe('encryptVolumes at limits that do not pass', () => {
  let migrations: MigrationWorld;

  beforeAll(async () => {
    migrations = await MigrationWorld.open();
  });
  afterAll(() => migrations.close());
  beforeEach(() => migrations.world.proxy.reset());

  const failed = (run: Promise<unknown>) => failedResult<EncryptVolumesResult>(run, FAILURE.allFailed);
  const tag = (id: string, count: number, prefix = 'key') => {
    const Tags = Array.from({ length: count }, (_, n) => ({ Key: `${prefix}${n}`, Value: 'x' }));
    return migrations.account.ec2().send(new CreateTagsCommand({ Resources: [id], Tags }));
  };
  const untouched = async (input: object, item: string, reason: RegExp) => {
    migrations.world.proxy.reset();
    const { skipped } = await failed(migrations.encrypt(input));
    expect(skipped.items).toMatchObject([{ item, reasons: [expect.stringMatching(reason) as string] }]);
    expect(migrations.world.proxy.mutations()).toEqual([]);
  };

  it.each(['auto', 'copy', 'direct', 'clone'])(
    'leaves a machine alone whose volume has 49 tags, and says so, with %s',
    async (strategy) => {
      const { instanceId, volumes } = await anInstance(migrations.account);
      const volumeId = volumes['/dev/sdf'] ?? '';
      await tag(volumeId, 49);
      await untouched({ instanceIds: [instanceId], strategy }, instanceId, /has 49 tags.*remove 1/);
      await tag(volumeId, 50);
      await untouched({ instanceIds: [instanceId], strategy }, instanceId, /has 50 tags.*remove 2/);
    },
  );

  it('leaves a machine alone that has 50 tags itself', async () => {
    const { instanceId } = await anInstance(migrations.account);
    await tag(instanceId, 50);
    await untouched({ instanceIds: [instanceId] }, instanceId, /it has 50 tags.*remove 1/);
  });

  it('leaves a volume alone that is attached to nothing and has 49 tags', async () => {
    const volumeId = await aVolume(migrations.account);
    await tag(volumeId, 49);
    await untouched({ volumeIds: [volumeId] }, volumeId, /has 49 tags.*remove 1/);
  });

  it.each(['copy', 'direct', 'clone'])(
    'moves what is just below, with all its tags, with %s',
    async (strategy) => {
      const { instanceId, volumes } = await anInstance(migrations.account);
      await tag(volumes['/dev/sdf'] ?? '', 48);
      await tag(instanceId, 49);
      const before = await migrations.stateOf(instanceId);
      const { encrypted } = await migrations.encrypt({ instanceIds: [instanceId], strategy });
      expect(encrypted.total).toBe(1);
      expectOnlyEncryptionChanged(before, await migrations.stateOf(instanceId));
    },
  );

  it('takes another strategy where the marks of a clone alone do not fit', async () => {
    const { instanceId, volumes } = await anInstance(migrations.account);
    await tag(volumes['/dev/sdf'] ?? '', 40);
    await tag(volumes['/dev/sdf'] ?? '', 9, 'holdfast:note');
    const clone = { instanceIds: [instanceId], strategy: 'clone' };
    await untouched(clone, instanceId, /has 49 tags.*remove 1/);
    const { encrypted } = await migrations.encrypt({ instanceIds: [instanceId] });
    expect(encrypted.items).toMatchObject([{ strategy: { name: 'direct' } }]);
  });

  it('does not stop a machine whose volume gets its last tags after the plan', async () => {
    const { instanceId, volumes } = await anInstance(migrations.account);
    const tagged = migrations.meanwhile('CreateSnapshots', () => tag(volumes['/dev/sdf'] ?? '', 50));
    const run = failed(migrations.encrypt({ instanceIds: [instanceId], strategy: 'direct' }));
    await tagged;
    const { rolledBack } = await run;
    expect(rolledBack.items[0]?.message).toMatch(
      /QuotaExceeded: .*TagLimitExceeded.*the 50 tags of a resource/,
    );
    expect(migrations.world.proxy.callsOf('StopInstances')).toEqual([]);
    expect((await instance(migrations.account, instanceId)).State?.Name).toBe('running');
  });

  it.each([
    ['VolumeLimitExceeded', 'CreateVolume', 'direct', /Storage for/],
    ['AttachmentLimitExceeded', 'AttachVolume', 'clone', /the volumes and network interfaces/],
    ['SnapshotLimitExceeded', 'CreateSnapshots', 'copy', /Snapshots per Region/],
  ])('puts a machine back at once at %s of %s', async (code, action, strategy, says) => {
    const { instanceId } = await anInstance(migrations.account);
    const before = await migrations.stateOf(instanceId);
    migrations.world.proxy.fault(action, { before: { code, status: 400 } }, 1);
    const { rolledBack } = await failed(migrations.encrypt({ instanceIds: [instanceId], strategy }));
    expect(rolledBack.items[0]?.message).toMatch(says);
    expect(await migrations.stateOf(instanceId)).toEqual(before);
  });

  it('ends before the stop when somebody’s retention deletes a seed snapshot', async () => {
    const { instanceId } = await anInstance(migrations.account);
    const seeded = migrations.meanwhile('CreateSnapshots', async () => {
      for (const { SnapshotId = '' } of await migrations.snapshots(instanceId))
        await migrations.deleteSnapshot(SnapshotId);
    });
    const run = failed(migrations.encrypt({ instanceIds: [instanceId], strategy: 'direct' }));
    await seeded;
    const { rolledBack } = await run;
    expect(rolledBack.items[0]?.message).toMatch(/snapshot snap-\w+ in .* is not there any more.*retention/);
    expect(migrations.world.proxy.callsOf('StopInstances')).toEqual([]);
  });
});
