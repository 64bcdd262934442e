import { BACKUPS_CONTINUED, SCENARIOS } from '../replay/scenarios';
import { CHECKED_SCENARIOS } from '../replay/checkedScenarios';
import { MIGRATION_SCENARIOS } from '../replay/migrationScenarios';
import { SNAPSHOTS, SNAPSHOTS_CONTINUED } from '../replay/snapshotScenarios';
import { MORE_SCENARIOS } from '../support/moreScenarios';
import { playedInVirtualTime } from '../support/realSettings';

const MACHINES = new Set([...Object.keys(MIGRATION_SCENARIOS), ...Object.keys(CHECKED_SCENARIOS)]);
const others = Object.entries(SCENARIOS).filter(([name]) => !MACHINES.has(name));

describe('with the settings of production, whatever keeps and shares', () => {
  playedInVirtualTime(
    {
      'on a server as it is': {
        scenarios: { ...Object.fromEntries(others), ...SNAPSHOTS, ...MORE_SCENARIOS },
      },
      'on a server that suggests to continue as new': {
        scenarios: { backups: BACKUPS_CONTINUED, snapshots: SNAPSHOTS_CONTINUED },
        suggestContinueAsNewAfter: 5,
      },
    },
    'keeping',
  );
});
