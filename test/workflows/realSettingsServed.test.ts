import { CONTINUED_CAMPAIGN } from '../replay/migrationScenarios';
import { SERVED_SCENARIOS } from '../replay/servedScenarios';
import { playedInVirtualTime } from '../support/realSettings';

describe('with the settings of production, whatever takes care of machines that serve', () => {
  playedInVirtualTime(
    {
      'on an AWS where nothing takes time': {
        scenarios: SERVED_SCENARIOS,
        speed: 'instant',
        counting: ['servedLate'],
      },
      'on a server that suggests to continue as new': {
        scenarios: { campaign: CONTINUED_CAMPAIGN },
        suggestContinueAsNewAfter: 5,
      },
    },
    'serving',
  );
});
