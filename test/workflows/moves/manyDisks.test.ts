import { committedBy } from '../../replay/migrationScenarios';
import { ended, type Scenario } from '../../replay/scenario';
import { ANY_LOSS } from '../../support/migration';
import { playedInVirtualTime } from '../../support/realSettings';
import { anInstance, MANY_DATA_VOLUMES } from '../../support/seed';

const data = MANY_DATA_VOLUMES;

const committed =
  (strategy: 'direct' | 'copy'): Scenario =>
  async (migrations) => {
    const { instanceId } = await anInstance(migrations.world.home, { data });
    return { committed: await committedBy(migrations, instanceId, strategy) };
  };

describe('a machine with many disks', () => {
  playedInVirtualTime({
    'and the settings of production': {
      scenarios: {
        'direct, committed': committed('direct'),
        'copy, committed': committed('copy'),
        async 'copy, rolled back in its soak'(migrations) {
          const { instanceId } = await anInstance(migrations.world.home, { data });
          await migrations.encrypt({ instanceIds: [instanceId], strategy: 'copy' });
          await migrations.tell(instanceId, 'rollback', ANY_LOSS);
          return { back: await ended(await migrations.pinned(instanceId)) };
        },
      },
    },
  });
});
