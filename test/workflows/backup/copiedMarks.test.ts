import { formatKept } from '../../../src/model/machines/keptVolume';
import { awaitResult } from '../../support/awaitResult';
import { restoredCopy, restoredFrom } from '../../support/copiedVolume';
import { ANY_LOSS, MigrationWorld } from '../../support/migration';
import { PolicyWorld, resourcesOf } from '../../support/policies';
import { aVolume, disksOf, snapshotOf, tagsOf, volume } from '../../support/seed';

interface Copied {
  copy: string;
  tags: Record<string, string>;
  /** What Holdfast keeps, and the copy is one of. */
  kept?: string;
}

/** AWS Backup and scripts copy tags. A copy that carries all of Holdfast's marks is somebody's volume like any other. */
describe("somebody's restored copy with all marks is in every selection that its tags put it in", () => {
  let migrations: MigrationWorld;
  let policies: PolicyWorld;

  beforeAll(async () => {
    migrations = await MigrationWorld.open();
    policies = new PolicyWorld(migrations);
  });
  afterAll(() => migrations.close());
  beforeEach(() => migrations.world.proxy.reset());

  const rootOf = async (instanceId: string) =>
    (await disksOf(migrations.account, instanceId))['/dev/xvda'] ?? '';
  const copyOf = (volumeId: string) => restoredCopy(migrations.account, volumeId);

  async function inSoak() {
    const tags = policies.team();
    const instanceId = await policies.machine(tags);
    const kept = await rootOf(instanceId);
    await migrations.encrypt({ instanceIds: [instanceId], strategy: 'direct' });
    return { tags, instanceId, kept, replacement: await rootOf(instanceId) };
  }

  async function aloneInSoak() {
    const tags = policies.team();
    const kept = await aVolume(migrations.account, { tags });
    await migrations.encrypt({ volumeIds: [kept] });
    const [made] = await migrations.volumes({ Name: 'tag:holdfast:replaces', Values: [kept] });
    return { tags, kept, replacement: made?.VolumeId ?? '' };
  }

  const CASES: Record<string, () => Promise<Copied>> = {
    async "of a machine's original, in soak"() {
      const { tags, kept } = await inSoak();
      return { tags, kept, copy: await copyOf(kept) };
    },
    async 'of its new volume, in soak'() {
      const { tags, kept, replacement } = await inSoak();
      return { tags, kept, copy: await copyOf(replacement) };
    },
    async 'of the original, after the commit'() {
      const { tags, kept, instanceId } = await inSoak();
      const copy = await copyOf(kept);
      await migrations.tell(instanceId, 'commit');
      await awaitResult(migrations.machine(instanceId));
      return { tags, copy };
    },
    async 'of the new volume, after the commit'() {
      const { tags, instanceId, replacement } = await inSoak();
      const copy = await copyOf(replacement);
      await migrations.tell(instanceId, 'commit');
      await awaitResult(migrations.machine(instanceId));
      return { tags, copy };
    },
    async 'of the original, after a rollback'() {
      const { tags, kept, instanceId } = await inSoak();
      const copy = await copyOf(kept);
      await rolledBack(instanceId);
      return { tags, copy };
    },
    async 'of the new volume, after a rollback'() {
      const { tags, instanceId, replacement } = await inSoak();
      const marks = tagsOf(await volume(migrations.account, replacement));
      const snapshotId = await snapshotOf(migrations.account, replacement);
      await rolledBack(instanceId);
      return { tags, copy: await restoredFrom(migrations.account, snapshotId, marks) };
    },
    async 'of an original that was attached to nothing'() {
      const { tags, kept } = await aloneInSoak();
      return { tags, kept, copy: await copyOf(kept) };
    },
    async 'of what replaces such a one'() {
      const { tags, replacement } = await aloneInSoak();
      return { tags, copy: await copyOf(replacement) };
    },
    async 'of a new volume that stayed when its migration was over'() {
      const tags = policies.team();
      const kept = await aVolume(migrations.account, { tags });
      await policies.tag(kept, { 'holdfast:kept': formatKept('mig-0', kept) });
      return { tags, kept, copy: await copyOf(kept) };
    },
  };

  async function rolledBack(instanceId: string): Promise<void> {
    const handle = await migrations.pinned(instanceId);
    await migrations.tell(instanceId, 'rollback', ANY_LOSS);
    await awaitResult(handle);
  }

  it.each(Object.keys(CASES))('%s', async (name) => {
    const { copy, tags, kept } = await CASES[name]!();
    const before = await volume(migrations.account, copy);
    expect(await policies.unprotected()).toContain(copy);
    const result = await policies.backUp(policies.byTags(tags));
    expect(resourcesOf(result)).toContain(copy);
    if (kept) expect(resourcesOf(result)).not.toContain(kept);
    expect(await policies.snapshotsOf(copy)).toHaveLength(1);
    expect(await policies.backUp({ volumeIds: [copy] })).toMatchObject({ selected: 1, protected: 1 });
    const after = await volume(migrations.account, copy);
    expect([after.State, tagsOf(after)]).toEqual([before.State, tagsOf(before)]);
  });
});
