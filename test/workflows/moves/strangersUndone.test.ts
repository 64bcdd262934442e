import type { MigrateMachineResult } from '../../../src/model/moves/migration';
import { awaitResult } from '../../support/awaitResult';
import { ANY_LOSS, MigrationWorld, STRATEGIES } from '../../support/migration';
import { throughout } from '../../support/throughout';
import { expectUndone, PHASES, watchedMachine } from './strangersCopies';

const REFUSED = { before: { code: 'UnauthorizedOperation', status: 403 } };

describe('what somebody has copied, with all tags and descriptions', () => {
  const migrations = throughout(() => MigrationWorld.open());

  it.each(PHASES)(
    'is untouched by a %s that is undone after it was made at %s (%s)',
    async (strategy, action, nth) => {
      const watched = await watchedMachine(migrations());
      migrations().world.proxy.fault('StartInstances', REFUSED, 1);
      const copied = migrations().meanwhile(action, () => watched.strangers.copyAll(), nth);
      const campaign = await migrations().start({ instanceIds: [watched.instanceId], strategy });
      await copied;
      await expect(awaitResult(campaign)).rejects.toThrow();
      await expectUndone(migrations(), watched);
    },
  );

  it.each(STRATEGIES)('is untouched by the rollback of a %s in soak', async (strategy) => {
    const watched = await watchedMachine(migrations());
    const { instanceId, strangers } = watched;
    await migrations().encrypt({ instanceIds: [instanceId], strategy });
    await strangers.copyAll();
    await migrations().tell(instanceId, 'rollback', ANY_LOSS);
    const result = await awaitResult<MigrateMachineResult>(migrations().machine(instanceId));
    expect(result).toMatchObject({ outcome: 'rolledBack', committed: false });
    await expectUndone(migrations(), watched);
  });
});
