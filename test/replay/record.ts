import { MigrationWorld } from '../support/migration';
import { record } from './histories';
import type { Scenario } from './scenario';
import { CONTINUED, SCENARIOS } from './scenarios';
import { SNAPSHOTS, SNAPSHOTS_CONTINUED } from './snapshotScenarios';

/** Not a test of what the suites test already: it plays, and keeps the histories. */
describe.each([
  ['on a server as it is', { ...SCENARIOS, ...SNAPSHOTS }, {}],
  [
    'on a server that suggests to continue as new',
    { ...CONTINUED, snapshots: SNAPSHOTS_CONTINUED },
    { suggestContinueAsNewAfter: 5 },
  ],
])('%s', (_, scenarios: Record<string, Scenario>, options) => {
  let migrations: MigrationWorld;

  beforeAll(async () => {
    migrations = await MigrationWorld.open({ otherAccounts: 1, ...options });
  });
  afterAll(() => migrations.close());
  beforeEach(() => migrations.world.proxy.reset());

  it.each(Object.entries(scenarios))('records %s', async (_name, play) => {
    for (const [name, handle] of Object.entries(await play(migrations))) await record(name, handle);
  });
});
