import { DeleteTagsCommand } from '@aws-sdk/client-ec2';
import type { BackupTargetResult, RunBackupResult } from '../../src/model/backup';
import { FAILURE } from '../../src/model/failures';
import { workflowIds } from '../../src/model/ids';
import { awaitResult } from '../support/awaitResult';
import { failedResult } from '../support/failure';
import { ANY_LOSS, MigrationWorld } from '../support/migration';
import { PolicyWorld, resourcesOf } from '../support/policies';
import { anInstance, aVolume, disksOf } from '../support/seed';

/** What a migration keeps for itself carries the fleet's tags, and is no part of the fleet. */
describe('what Holdfast keeps for itself', () => {
  let migrations: MigrationWorld;
  let policies: PolicyWorld;

  beforeAll(async () => {
    migrations = await MigrationWorld.open();
    policies = new PolicyWorld(migrations);
  });
  afterAll(() => migrations.close());
  beforeEach(() => migrations.world.proxy.reset());

  const disks = async (instanceId: string) => Object.values(await disksOf(migrations.account, instanceId));
  const replacing = async (...ids: string[]) =>
    (await migrations.volumes({ Name: 'tag:holdfast:replaces', Values: ids })).map(
      ({ VolumeId = '' }) => VolumeId,
    );

  it('is no second fleet: three machines in soak are three things to protect, and cost what three cost', async () => {
    const tags = policies.team();
    const selector = policies.byTags(tags);
    const instanceIds = await Promise.all([1, 2, 3].map(() => policies.machine(tags)));
    const [before, planned] = [await policies.backUp(selector), await policies.plan(selector)];
    const originals = (await Promise.all(instanceIds.map(disks))).flat();
    await migrations.encrypt({ instanceIds, strategy: 'direct', concurrency: 3, soak: '1d' });
    expect(await policies.snapshotsOf(...originals)).toHaveLength(6);

    const after = await policies.backUp(selector);
    expect(resourcesOf(after)).toEqual([...instanceIds].sort());
    expect(after).toMatchObject({ selected: 3, protected: 3, volumes: before.volumes, coverage: 1 });
    const leftOut = { items: [{ target: migrations.target, volumes: 6 }], total: 1, truncated: false };
    expect(after.leftOut).toEqual(leftOut);
    expect(await policies.snapshotsOf(...originals)).toHaveLength(6);

    const now = await policies.plan(selector);
    expect(now.targets).toMatchObject([{ instances: 3, volumesAlone: 0, volumes: 6, leftOut: 6 }]);
    expect(now.cost).toEqual(planned.cost);
    // Nor is it what all policies have forgotten.
    const missed = await policies.unprotected();
    expect(originals.filter((id) => missed.includes(id))).toEqual([]);
  });

  it('is named in the table of its target, with what has replaced it', async () => {
    const tags = policies.team();
    const instanceId = await policies.machine(tags);
    const [original = ''] = await disks(instanceId);
    await migrations.encrypt({ instanceIds: [instanceId], strategy: 'clone' });
    const [replacement = ''] = await disks(instanceId);
    const child = await policies.withPolicy(policies.byTags(tags), async (policyName) => {
      const run = await migrations.world.start('runBackup', { policyName });
      await awaitResult(run);
      return migrations.world.client.workflow.getHandle<() => Promise<BackupTargetResult>>(
        workflowIds.backupTarget(run.workflowId, migrations.target),
      );
    });
    const { leftOut } = await child.result();
    const why = new RegExp(`^mig-\\w+ has replaced it by ${replacement} on ${instanceId}`);
    expect(leftOut?.total).toBe(2);
    expect(leftOut?.items).toContainEqual({ item: original, why: expect.stringMatching(why) as string });
    const { rows } = await child.query<{ rows: { item: string; state: string }[] }>('progress');
    expect(rows).toContainEqual(expect.objectContaining({ item: original, state: 'left out' }));
  });

  it('is protected again once a rollback has put it back', async () => {
    const tags = policies.team();
    const instanceId = await policies.machine(tags);
    const originals = await disks(instanceId);
    await migrations.encrypt({ instanceIds: [instanceId] });
    const handle = await migrations.pinned(instanceId);
    await migrations.tell(instanceId, 'rollback', ANY_LOSS);
    await awaitResult(handle);
    const result = await policies.backUp(policies.byTags(tags));
    expect(result).toMatchObject({ selected: 1, protected: 1, leftOut: { total: 0 } });
    expect(await policies.snapshotsOf(...originals)).toHaveLength(2);
  });

  it.each(['DetachVolume', 'AttachVolume'])(
    'is also a new volume before its machine runs on it: at %s',
    async (action) => {
      const tags = policies.team();
      const instanceId = await policies.machine(tags);
      const originals = await disks(instanceId);
      let selected: number | undefined;
      const seen = migrations.meanwhile(action, async () => {
        const { targets } = await policies.plan(policies.byTags(tags));
        selected = targets[0]?.volumesAlone;
        await policies.backUp(policies.byTags(tags)).catch(() => undefined);
      });
      await migrations.encrypt({ instanceIds: [instanceId], strategy: 'direct' });
      await seen;
      expect(selected).toBe(0);
      const made = await replacing(...originals);
      expect(made).toHaveLength(2);
      const alone = (await policies.snapshotsOf(...made, ...originals)).filter(
        ({ Tags = [] }) => !Tags.some(({ Key }) => Key === 'holdfast:source-instance'),
      );
      expect(alone).toEqual([]);
    },
  );

  it('of a volume by itself, is its original once the new one may be used', async () => {
    const tags = policies.team();
    const volumeId = await aVolume(migrations.account, { tags });
    await migrations.encrypt({ volumeIds: [volumeId] });
    const result = await policies.backUp(policies.byTags(tags));
    expect(resourcesOf(result)).toEqual(await replacing(volumeId));
    expect(result).toMatchObject({ selected: 1, leftOut: { items: [{ volumes: 1 }] } });
    const { targets } = await policies.plan(policies.byTags(tags));
    expect(targets).toMatchObject([{ volumesAlone: 1, leftOut: 1 }]);
  });

  it('of a volume by itself, is the new one until then', async () => {
    const tags = policies.team();
    const volumeId = await aVolume(migrations.account, { tags });
    let during: RunBackupResult | undefined;
    const seen = migrations.meanwhile('CreateVolume', async () => {
      during = await policies.backUp(policies.byTags(tags));
    });
    await migrations.encrypt({ volumeIds: [volumeId], strategy: 'direct' });
    await seen;
    expect(during && resourcesOf(during)).toEqual([volumeId]);
  });

  it('costs no call where nothing is kept, and one more for a page where something is', async () => {
    const tags = policies.team();
    await policies.machine(tags);
    await aVolume(migrations.account, { tags });
    const asked = async () => {
      migrations.world.proxy.reset();
      await policies.backUp(policies.byTags(tags));
      const { calls } = migrations.world.proxy;
      return calls.filter(({ params }) => Object.values(params).includes('tag:holdfast:replaces')).length;
    };
    expect(await asked()).toBe(0);
    const { instanceId } = await anInstance(migrations.account);
    const [original = ''] = await disks(instanceId);
    await migrations.encrypt({ instanceIds: [instanceId] });
    expect(await asked()).toBe(0);
    await policies.tag(original, tags);
    expect(await asked()).toBe(1);
  });

  describe('named by id in a policy', () => {
    it('fails the run, which names the new volume', async () => {
      const { instanceId } = await anInstance(migrations.account);
      const [original = ''] = await disks(instanceId);
      await migrations.encrypt({ instanceIds: [instanceId] });
      const [replacement = ''] = await disks(instanceId);
      const selector = { volumeIds: [original] };
      const result = await failedResult<RunBackupResult>(policies.backUp(selector), FAILURE.allFailed);
      expect(result).toMatchObject({ status: 'FAILED', selected: 1, protected: 0, coverage: 0 });
      expect(result.failed.items).toMatchObject([{ item: original, type: FAILURE.conflict }]);
      expect(result.failed.items[0]?.message).toContain(`name ${replacement} instead`);
      expect(await policies.snapshotsOf(original)).toEqual([]);
      const { problems } = await policies.plan(selector);
      expect(problems).toContainEqual(expect.stringContaining(`name ${replacement} instead`));
      expect(await policies.backUp({ volumeIds: [replacement] })).toMatchObject({ protected: 1 });
    });

    it('is only left out where the policy selects the new one too', async () => {
      const tags = policies.team();
      const instanceId = await policies.machine(tags);
      const [original = ''] = await disks(instanceId);
      await migrations.encrypt({ instanceIds: [instanceId] });
      await policies.tag(original, { team: 'retired' });
      const selector = { ...policies.byTags(tags), volumeIds: [original] };
      expect(await policies.backUp(selector)).toMatchObject({
        selected: 1,
        protected: 1,
        leftOut: { items: [{ volumes: 2 }] },
      });
      expect((await policies.plan(selector)).problems).toEqual([]);
    });
  });

  describe('is as well protected as any', () => {
    const inSoak = async () => {
      const tags = policies.team();
      const original = await aVolume(migrations.account, { tags });
      await migrations.encrypt({ volumeIds: [original] });
      const [made = ''] = await replacing(original);
      return { original, made, backUp: () => policies.backUp(policies.byTags(tags)) };
    };

    it('when what replaced it is gone', async () => {
      const { original, made, backUp } = await inSoak();
      await migrations.deleteVolume(made);
      expect(resourcesOf(await backUp())).toEqual([original]);
    });

    it.each([
      ['names another migration', { migration: 'mig-another' }],
      ['names another volume', { replaces: 'vol-00000000' }],
    ])('when what seems to replace it %s', async (_, tag) => {
      const { original, made, backUp } = await inSoak();
      const [[key, value] = ['', '']] = Object.entries(tag);
      await policies.tag(made, { [`holdfast:${key}`]: value });
      expect(resourcesOf(await backUp())).toEqual([original, made].sort());
    });

    it('when nothing names it any more', async () => {
      const { original, made, backUp } = await inSoak();
      const untag = { Resources: [made], Tags: [{ Key: 'holdfast:replaces' }] };
      await migrations.account.ec2().send(new DeleteTagsCommand(untag));
      expect(resourcesOf(await backUp())).toEqual([original, made].sort());
    });
  });
});
