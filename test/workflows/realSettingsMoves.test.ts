import { CHECKED_SCENARIOS } from '../replay/checkedScenarios';
import { MIGRATION_SCENARIOS } from '../replay/migrationScenarios';
import { playedInVirtualTime } from '../support/realSettings';

describe('with the settings of production, whatever moves machines and volumes', () => {
  playedInVirtualTime(
    {
      'on a server as it is': {
        scenarios: { ...MIGRATION_SCENARIOS, ...CHECKED_SCENARIOS },
        counting: ['healthChecks'],
      },
    },
    'moving',
  );
});
