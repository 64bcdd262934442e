import type { MigrateMachineResult } from '../../../../src/model/moves/migration';
import { awaitResult } from '../../../support/awaitResult';
import { ANY_LOSS, CACHES, MigrationWorld, STRATEGIES } from '../../../support/migration';
import { anInstance, tagsOf } from '../../../support/seed';
import { throughout } from '../../../support/throughout';

const refusal = (why: string): object => ({ cause: { message: expect.stringContaining(why) as string } });

describe.each(CACHES)('migrateMachine in soak, %s', (_, cache) => {
  const migrations = throughout(() => MigrationWorld.open({ cache }));

  it.each(STRATEGIES)(
    'rolls back a %s in soak, keeps what was written since, and can be migrated again',
    async (strategy) => {
      const { instanceId } = await anInstance(migrations().world.home);
      await migrations().writeTo(instanceId);
      const before = await migrations().stateOf(instanceId);
      const original = await migrations().contentOf(instanceId);
      await migrations().encrypt({ instanceIds: [instanceId], strategy });
      await migrations().writeTo(instanceId);
      const since = await migrations().contentOf(instanceId);
      const first = migrations().machine(instanceId);
      await migrations().tell(instanceId, 'rollback', ANY_LOSS);
      const back = await awaitResult<MigrateMachineResult>(first);
      expect(back).toMatchObject({ outcome: 'rolledBack', committed: false });
      expect(await migrations().stateOf(instanceId)).toEqual(before);
      const kept = (await migrations().snapshots(instanceId)).filter(
        (snapshot) => tagsOf(snapshot)['holdfast:recovery-point'] === back.keptRecoveryPoint,
      );
      expect(kept.map(({ Encrypted }) => Encrypted)).toEqual([true, true]);
      const digests = kept.map(({ SnapshotId = '' }) => migrations().blocks.digest(SnapshotId));
      expect((await Promise.all(digests)).sort()).toEqual(Object.values(since).sort());
      expect(await migrations().contentOf(instanceId)).toEqual(original);

      await migrations().encrypt({ instanceIds: [instanceId], strategy });
      const again = await migrations().stateOf(instanceId);
      expect(again.disks.every(({ encrypted }) => encrypted)).toBe(true);
    },
  );

  it('takes verdicts only in soak, and only one', async () => {
    const { instanceId } = await anInstance(migrations().world.home);
    const early = migrations().meanwhile('StopInstances', async () => {
      await expect(migrations().tell(instanceId, 'commit')).rejects.toMatchObject(refusal('in soak'));
    });
    await migrations().encrypt({ instanceIds: [instanceId] });
    await early;
    const late = migrations().meanwhile('DeleteVolume', async () => {
      await migrations().tell(instanceId, 'commit');
      await expect(migrations().tell(instanceId, 'rollback', ANY_LOSS)).rejects.toMatchObject(
        refusal('already'),
      );
    });
    await migrations().tell(instanceId, 'commit');
    await late;
    await awaitResult(migrations().machine(instanceId));
  });

  it('does not roll back to what it was before writes that nobody has agreed to lose', async () => {
    const { instanceId } = await anInstance(migrations().world.home);
    await migrations().encrypt({ instanceIds: [instanceId] });
    const { cause } = (await migrations()
      .tell(instanceId, 'rollback')
      .catch((error: unknown) => error)) as Error;
    const said = (cause as Error).message;
    const [, since = ''] = /"acceptWriteLossSince": "([^"]+)"/.exec(said) ?? [];
    const later = new Date(Date.parse(since) + 1).toISOString();
    const tooLate = migrations().tell(instanceId, 'rollback', { acceptWriteLossSince: later });
    await expect(tooLate).rejects.toMatchObject(refusal(`${later} is later`));
    const noTime = migrations().tell(instanceId, 'rollback', { acceptWriteLossSince: 'yesterday' });
    await expect(noTime).rejects.toMatchObject(refusal('acceptWriteLossSince: a time in ISO 8601'));
    const elsewhere = migrations().tell(instanceId, 'commit', { acceptWriteLossSince: since });
    await expect(elsewhere).rejects.toMatchObject(refusal('acceptWriteLossSince: not a field'));

    await migrations().tell(instanceId, 'rollback', { acceptWriteLossSince: since });
    const back = await awaitResult<MigrateMachineResult>(migrations().machine(instanceId));
    expect(back).toMatchObject({ outcome: 'rolledBack', writesSince: since });
  });
});
