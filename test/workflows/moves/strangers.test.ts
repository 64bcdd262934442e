import {
  CreateTagsCommand,
  DeleteTagsCommand,
  DescribeVolumesCommand,
  type Volume,
} from '@aws-sdk/client-ec2';
import type { MigrateMachineResult } from '../../../src/model/moves/migration';
import type { Strategy } from '../../../src/model/moves/strategy';
import { awaitResult } from '../../support/awaitResult';
import { ANY_LOSS, butEncryption, MigrationWorld, STRATEGIES } from '../../support/migration';
import { anInstance, tagsOf } from '../../support/seed';
import { Strangers } from '../../support/strangers';

/** Of a migration from its beginning to its soak: where something has just been made or marked. */
const PHASES: Record<Strategy, [string, number][]> = {
  copy: [
    ['StopInstances', 1],
    ['CreateVolume', 2],
    ['DetachVolume', 2],
    ['AttachVolume', 2],
  ],
  direct: [
    ['StopInstances', 1],
    ['CreateVolume', 2],
    ['AttachVolume', 2],
  ],
  clone: [
    ['CopyVolumes', 3],
    ['AttachVolume', 2],
  ],
};
const REFUSED = { before: { code: 'UnauthorizedOperation', status: 403 } };

/** Whoever may write tags shall not be able to make Holdfast take, change or delete what is not its own. */
describe('what somebody has copied, with all tags and descriptions', () => {
  let migrations: MigrationWorld;

  beforeAll(async () => {
    migrations = await MigrationWorld.open();
  });
  afterAll(() => migrations.close());
  beforeEach(() => migrations.world.proxy.reset());

  const ec2 = () => migrations.world.home.ec2();

  async function machine() {
    const { instanceId } = await anInstance(migrations.world.home);
    await migrations.writeTo(instanceId);
    return {
      instanceId,
      strangers: await Strangers.of(migrations.world.home),
      before: await migrations.stateOf(instanceId),
      content: await migrations.contentOf(instanceId),
    };
  }
  type Machine = Awaited<ReturnType<typeof machine>>;

  async function isMigrated({ instanceId, before, content }: Machine): Promise<void> {
    const after = await migrations.stateOf(instanceId);
    expect(butEncryption(after)).toEqual(butEncryption(before));
    expect(after.disks.every(({ encrypted }) => encrypted)).toBe(true);
    expect(await migrations.contentOf(instanceId)).toEqual(content);
  }

  /** Neither new volumes nor snapshots on the way are left, but for those of strangers. */
  async function nothingIsLeft({ strangers, before }: Machine): Promise<void> {
    const { Volumes = [] } = await ec2().send(new DescribeVolumesCommand({}));
    const originals = before.disks.map(({ volumeId }) => volumeId);
    const made = Volumes.filter(
      (each) =>
        originals.includes(tagsOf(each)['holdfast:replaces']) && !strangers.ids.includes(each.VolumeId ?? ''),
    );
    expect(made.map(({ VolumeId }) => VolumeId)).toEqual([]);
  }

  const phases = STRATEGIES.flatMap((strategy) =>
    PHASES[strategy].map(([action, nth]) => [strategy, action, nth] as const),
  );

  it.each(phases)(
    'is untouched by a %s in which it was made at %s (%s), and its commit',
    async (...phase) => {
      const [strategy, action, nth] = phase;
      const subject = await machine();
      const { instanceId, strangers } = subject;
      const copied = migrations.meanwhile(action, () => strangers.copyAll(), nth);
      await migrations.encrypt({ instanceIds: [instanceId], strategy });
      await copied;
      await strangers.copyAll();
      await migrations.tell(instanceId, 'commit');
      const result = await awaitResult<MigrateMachineResult>(migrations.machine(instanceId));
      expect(result).toMatchObject({ outcome: 'encrypted', committed: true });
      await isMigrated(subject);
      const originals = subject.before.disks.map(({ volumeId = '' }) => volumeId);
      expect(await migrations.volumes({ Name: 'volume-id', Values: originals })).toEqual([]);
      expect(await strangers.harmed()).toEqual([]);
    },
  );

  it.each(phases)('is untouched by a %s that is undone after it was made at %s (%s)', async (...phase) => {
    const [strategy, action, nth] = phase;
    const subject = await machine();
    const { instanceId, strangers, before } = subject;
    migrations.world.proxy.fault('StartInstances', REFUSED, 1);
    const copied = migrations.meanwhile(action, () => strangers.copyAll(), nth);
    const campaign = await migrations.start({ instanceIds: [instanceId], strategy });
    await copied;
    await expect(awaitResult(campaign)).rejects.toThrow();
    expect(await migrations.stateOf(instanceId)).toEqual(before);
    await nothingIsLeft(subject);
    expect(await strangers.harmed()).toEqual([]);
  });

  it.each(STRATEGIES)('is untouched by the rollback of a %s in soak', async (strategy) => {
    const subject = await machine();
    const { instanceId, strangers, before } = subject;
    await migrations.encrypt({ instanceIds: [instanceId], strategy });
    await strangers.copyAll();
    await migrations.tell(instanceId, 'rollback', ANY_LOSS);
    const result = await awaitResult<MigrateMachineResult>(migrations.machine(instanceId));
    expect(result).toMatchObject({ outcome: 'rolledBack', committed: false });
    expect(await migrations.stateOf(instanceId)).toEqual(before);
    await nothingIsLeft(subject);
    expect(await strangers.harmed()).toEqual([]);
  });

  it.each(phases)('is untouched by the run after a %s that was terminated at %s (%s)', async (...phase) => {
    const [strategy, action, nth] = phase;
    const subject = await machine();
    const { instanceId, strangers } = subject;
    const input = { instanceIds: [instanceId], strategy };
    const terminated = migrations.meanwhile(
      action,
      async () => {
        await migrations.machine(instanceId).terminate('test');
        await strangers.copyAll();
      },
      nth,
    );
    const campaign = await migrations.start(input, { limits: { timer: 1_000 } });
    await terminated;
    await expect(awaitResult(campaign)).rejects.toThrow();
    migrations.world.proxy.reset();
    await migrations.encrypt(input);
    await migrations.tell(instanceId, 'commit');
    await awaitResult(migrations.machine(instanceId));
    await isMigrated(subject);
    expect(await strangers.harmed()).toEqual([]);
  });

  it.each(STRATEGIES)(
    'is untouched by the run that takes over the soak of a %s of 0.1.0',
    async (strategy) => {
      const subject = await machine();
      const { instanceId, strangers } = subject;
      await migrations.encrypt({ instanceIds: [instanceId], strategy });
      await migrations.machine(instanceId).terminate('test');
      await withMarksOfBefore(instanceId);
      await strangers.copyAll();
      const result = await migrations.encrypt({ instanceIds: [instanceId], strategy });
      expect(result.encrypted.items).toMatchObject([{ instanceId, volumes: 2 }]);
      await migrations.tell(instanceId, 'commit');
      await awaitResult(migrations.machine(instanceId));
      await isMigrated(subject);
      expect(await strangers.harmed()).toEqual([]);
    },
  );

  it('on another machine, a mark of a migration counts for nothing', async () => {
    const { instanceId } = await machine();
    await migrations.encrypt({ instanceIds: [instanceId] });
    const twin = await machine();
    const [mark] = await marksOn(instanceId);
    await ec2().send(new CreateTagsCommand({ Resources: [twin.instanceId], Tags: mark ? [mark] : [] }));
    const result = await migrations.encrypt({ instanceIds: [twin.instanceId] });
    expect(result.encrypted.items).toMatchObject([{ instanceId: twin.instanceId, volumes: 2 }]);
    await migrations.tell(twin.instanceId, 'commit');
    await awaitResult(migrations.machine(twin.instanceId));
    await isMigrated(twin);
    await migrations.tell(instanceId, 'commit');
    expect(await awaitResult(migrations.machine(instanceId))).toMatchObject({ committed: true });
  });

  async function marksOn(instanceId: string) {
    const tags = tagsOf(await migrations.instance(instanceId));
    return ['holdfast:migration'].map((Key) => ({ Key, Value: tags[Key] ?? '' }));
  }

  /** 0.1.0 wrote three words on the machine, and four on an original. */
  async function withMarksOfBefore(instanceId: string): Promise<void> {
    const [mark] = await marksOn(instanceId);
    const rewrite = (id = '', Key: string, Value: string) =>
      ec2().send(new CreateTagsCommand({ Resources: [id], Tags: [{ Key, Value }] }));
    await rewrite(instanceId, 'holdfast:migration', words(mark?.Value, 3));
    const migrationId = words(mark?.Value, 1);
    const originals = (await migrations.volumes({ Name: 'tag-key', Values: ['holdfast:original'] })).filter(
      (volume: Volume) => tagsOf(volume)['holdfast:original']?.startsWith(migrationId),
    );
    for (const volume of originals) {
      const Key = 'holdfast:original';
      await ec2().send(new DeleteTagsCommand({ Resources: [volume.VolumeId ?? ''], Tags: [{ Key }] }));
      await rewrite(volume.VolumeId, Key, words(tagsOf(volume)[Key], 4));
    }
  }
});

function words(text = '', count: number): string {
  return text.split(' ').slice(0, count).join(' ');
}
