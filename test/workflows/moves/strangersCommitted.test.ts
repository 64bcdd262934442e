import type { MigrateMachineResult } from '../../../src/model/moves/migration';
import { awaitResult } from '../../support/awaitResult';
import { MigrationWorld } from '../../support/migration';
import { throughout } from '../../support/throughout';
import { expectMigrated, PHASES, watchedMachine } from './strangersCopies';

/** Whoever may write tags shall not be able to make Holdfast take, change or delete what is not its own. */
describe('what somebody has copied, with all tags and descriptions', () => {
  const migrations = throughout(() => MigrationWorld.open());

  it.each(PHASES)(
    'is untouched by a %s in which it was made at %s (%s), and its commit',
    async (strategy, action, nth) => {
      const watched = await watchedMachine(migrations());
      const { instanceId, strangers } = watched;
      const copied = migrations().meanwhile(action, () => strangers.copyAll(), nth);
      await migrations().encrypt({ instanceIds: [instanceId], strategy });
      await copied;
      await strangers.copyAll();
      await migrations().tell(instanceId, 'commit');
      const result = await awaitResult<MigrateMachineResult>(migrations().machine(instanceId));
      expect(result).toMatchObject({ outcome: 'encrypted', committed: true });
      const originals = watched.before.disks.map(({ volumeId = '' }) => volumeId);
      expect(await migrations().volumes({ Name: 'volume-id', Values: originals })).toEqual([]);
      await expectMigrated(migrations(), watched);
    },
  );
});
