import type { EncryptVolumesResult } from '../../../../src/model/encryption/campaign/campaign';
import { FAILURE } from '../../../../src/model/failures';
import { formatKept } from '../../../../src/model/machines/keptVolume';
import { awaitResult } from '../../../support/awaitResult';
import { restoredCopy } from '../../../support/copiedVolume';
import { expectFailure, failedResult } from '../../../support/failure';
import { ANY_LOSS, MigrationWorld } from '../../../support/migration';
import { PolicyWorld } from '../../../support/policies';
import { aVolume, disksOf, tagsOf, volume } from '../../../support/seed';
import { until } from '../../../support/until';

/** A campaign is about the fleet, and not about what other campaigns keep until their commits. */
describe('what a campaign selects beside other migrations', () => {
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
  const partly = (run: Promise<unknown>) => failedResult<EncryptVolumesResult>(run, FAILURE.partialFailure);

  async function inSoak() {
    const tags = policies.team();
    const instanceId = await policies.machine(tags);
    const original = await rootOf(instanceId);
    await migrations.encrypt({ instanceIds: [instanceId], strategy: 'direct' });
    return { tags, instanceId, original, selector: policies.byTags(tags) };
  }

  it('leaves the originals of a machine in soak out, and says so', async () => {
    const { instanceId, original, selector } = await inSoak();
    const result = await migrations.encrypt({ selector });
    expect(result.skipped.items.map(({ item }) => item)).toEqual([instanceId]);
    expect(result.leftOut?.total).toBe(2);
    expect(result.leftOut?.items).toContainEqual({
      item: original,
      why: expect.stringContaining('keeps it until its commit') as string,
    });
    expect(result.residue?.originals.items).toContain(original);
  });

  it('selects nothing where the originals are all that it means', async () => {
    const { original } = await inSoak();
    const retired = policies.team();
    await policies.tag(original, retired);
    const run = migrations.encrypt({ selector: policies.byTags(retired) });
    expect(await expectFailure(run, FAILURE.nothingSelected)).toContain(
      'but 1 volume that Holdfast keeps for itself matches',
    );
  });

  it('leaves the original of a volume by itself out, and its new one has nothing to do', async () => {
    const tags = policies.team();
    const volumeId = await aVolume(migrations.account, { tags });
    await migrations.encrypt({ volumeIds: [volumeId] });
    const result = await migrations.encrypt({ selector: policies.byTags(tags) });
    expect(result.leftOut?.items).toMatchObject([{ item: volumeId }]);
    expect(result.skipped.items).toMatchObject([{ nothingToDo: true }]);
  });

  it.each(['machine', 'volume'])('goes on with what a terminated one has left of a %s', async (what) => {
    const tags = policies.team();
    const alone = what === 'volume';
    const id = alone ? await aVolume(migrations.account, { tags }) : await policies.machine(policies.team());
    const original = alone ? id : await rootOf(id);
    await policies.tag(original, tags);
    const run = alone ? migrations.volume(id) : migrations.machine(id);
    await migrations.encrypt(alone ? { volumeIds: [id] } : { instanceIds: [id] });
    await run.terminate('test');
    const result = await migrations.encrypt({ selector: policies.byTags(tags) });
    expect(result.encrypted.total).toBe(1);
    await run.executeUpdate('commit', { args: [{ by: 'ann', reason: 'test' }] });
    await awaitResult(run);
    await until(
      async () => (await migrations.volumes({ Name: 'volume-id', Values: [original] })).length === 0,
    );
  });

  it.each([
    ['by its tags', (copy: string, selector: object) => ({ selector, copy })],
    ['by its id', (copy: string) => ({ volumeIds: [copy] })],
  ])("moves somebody's copy of an original with all marks as the volume that it is, %s", async (_, asked) => {
    const { instanceId, original } = await inSoak();
    const copy = await restoredCopy(migrations.account, original);
    const retired = policies.team();
    await policies.tag(copy, retired);
    const { copy: _c, ...input } = { copy, ...asked(copy, policies.byTags(retired)) };
    const before = await migrations.stateOf(instanceId);
    const { encrypted } = await migrations.encrypt(input);
    expect(encrypted.items).toMatchObject([{ volumeId: copy }]);
    expect(await migrations.stateOf(instanceId)).toEqual(before);
    await migrations.tellVolume(copy, 'rollback', ANY_LOSS);
    await awaitResult(migrations.volume(copy));
    expect((await volume(migrations.account, copy)).State).toBe('available');
    // The machine's own migration is not disturbed by any of that.
    const handle = await migrations.pinned(instanceId);
    await migrations.tell(instanceId, 'rollback', ANY_LOSS);
    await awaitResult(handle);
    expect(await rootOf(instanceId)).toBe(original);
  });

  it("moves somebody's copy of a volume by itself, whose mark names another, without taking over its move", async () => {
    const original = await aVolume(migrations.account, {});
    await migrations.encrypt({ volumeIds: [original] });
    const [made] = await migrations.volumes({ Name: 'tag:holdfast:replaces', Values: [original] });
    const copy = await restoredCopy(migrations.account, original);
    const dry = await migrations.encrypt({ volumeIds: [copy], dryRun: true });
    expect(dry.volumePlan?.items).toMatchObject([{ volumeId: copy }]);
    expect(dry.summary).not.toContain('interrupted');
    expect((await volume(migrations.account, made?.VolumeId ?? '')).State).toBe('available');
  });

  it('names both where only one can be the original, and touches neither', async () => {
    const { instanceId, original } = await inSoak();
    const copy = await restoredCopy(migrations.account, original);
    // Nothing proves which is the original.
    const root = await rootOf(instanceId);
    await policies.tag(root, { 'holdfast:migration': 'mig-0' });
    const result = await failedResult<EncryptVolumesResult>(
      migrations.encrypt({ volumeIds: [copy] }),
      FAILURE.allFailed,
    );
    expect(result.skipped.items).toMatchObject([
      { item: copy, reasons: [expect.stringContaining(`so does ${original}`)] },
    ]);
    for (const id of [copy, original]) {
      const tags = tagsOf(await volume(migrations.account, id));
      expect(tags['holdfast:original']).toContain(instanceId);
    }
  });

  it('refuses what stayed of a migration that is over, named by its id, and moves the others', async () => {
    const [kept, other] = [await aVolume(migrations.account), await aVolume(migrations.account)];
    await policies.tag(kept, { 'holdfast:kept': formatKept('mig-0', kept) });
    const { skipped, encrypted } = await partly(migrations.encrypt({ volumeIds: [kept, other] }));
    expect(skipped.items).toEqual([{ item: kept, reasons: ['mig-0 has made it and keeps it'] }]);
    expect(encrypted.items).toMatchObject([{ volumeId: other }]);
  });
});
