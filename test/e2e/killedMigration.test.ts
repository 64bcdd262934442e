import type { MigrateMachineResult } from '../../src/model/moves/migration';
import type { Strategy } from '../../src/model/moves/strategy';
import { awaitResult } from '../support/awaitResult';
import { expectOnlyEncryptionChanged } from '../support/claims';
import { ANY_LOSS, SNAPSHOTS } from '../support/migration';
import { mortalWorkers, SHORT_LIMITS } from '../support/mortalWorkers';
import { anInstance } from '../support/seed';

describe('a worker process that is killed in a migration', () => {
  const mortal = mortalWorkers();
  const { killedAt } = mortal;
  const migrate = (instanceId: string, strategy: Strategy = 'copy') =>
    mortal.migrations.start({ instanceIds: [instanceId], strategy }, { limits: SHORT_LIMITS });

  // The first call of CopyVolumes is the dry run.
  it.each<[Strategy, string, number]>([
    ['copy', 'DetachVolume', 1],
    ['copy', 'AttachVolume', 1],
    ['copy', 'StartInstances', 1],
    ['direct', 'CreateVolume', 1],
    ['direct', 'AttachVolume', 1],
    ['clone', 'CopyVolumes', 2],
  ])(
    'by %s leaves a running machine on its encrypted volumes when it dies at %s',
    async (strategy, action, nth) => {
      const { instanceId } = await anInstance(mortal.migrations.world.home);
      await mortal.migrations.writeTo(instanceId);
      const [before, content] = [
        await mortal.migrations.stateOf(instanceId),
        await mortal.migrations.contentOf(instanceId),
      ];
      await awaitResult(await killedAt(action, () => migrate(instanceId, strategy), nth));
      const after = await mortal.migrations.stateOf(instanceId);
      expect(after.state).toBe('running');
      expect(await mortal.migrations.contentOf(instanceId)).toEqual(content);
      expectOnlyEncryptionChanged(before, after);
      const snapshots = SNAPSHOTS[strategy];
      expect(await mortal.migrations.leftovers(instanceId, before)).toEqual({
        made: 2,
        marked: 2,
        snapshots,
      });
    },
    150_000,
  );

  it('finishes a machine although its campaign was terminated in mid-swap as well; rolls back, and migrates again', async () => {
    const { instanceId } = await anInstance(mortal.migrations.world.home);
    const before = await mortal.migrations.stateOf(instanceId);
    const campaign = await killedAt('DetachVolume', () => migrate(instanceId));
    await campaign.terminate('test');
    const machine = mortal.migrations.machine(instanceId);
    await mortal.migrations.phase(machine, 'Soaking');
    expect((await mortal.migrations.stateOf(instanceId)).disks.every(({ encrypted }) => encrypted)).toBe(
      true,
    );

    await mortal.migrations.tell(instanceId, 'rollback', ANY_LOSS);
    const back = await awaitResult<MigrateMachineResult>(machine);
    expect(back.outcome).toBe('rolledBack');
    expect(await mortal.migrations.stateOf(instanceId)).toEqual(before);

    await awaitResult(await migrate(instanceId));
    expectOnlyEncryptionChanged(before, await mortal.migrations.stateOf(instanceId));
  }, 200_000);
});
