import { AwsServer } from '../support/awsServer';
import { MigrationWorld } from '../support/migration';
import type { WorldOptions } from '../support/world';
import { record, refuseReleased } from './histories';
import type { Scenario } from './scenario';
import { CONTINUED, SCENARIOS } from './scenarios';
import { SERVED_SCENARIOS } from './servedScenarios';
import { SNAPSHOTS, SNAPSHOTS_CONTINUED } from './snapshotScenarios';

type Recording = [
  name: string,
  scenarios: Record<string, Scenario>,
  options: WorldOptions & { speed?: string },
];

beforeAll(refuseReleased);

/** Not a test of what the suites test already: it plays, and keeps the histories. */
describe.each<Recording>([
  ['on a server as it is', { ...SCENARIOS, ...SNAPSHOTS }, {}],
  ['on an AWS where nothing takes time', SERVED_SCENARIOS, { speed: 'instant' }],
  [
    'on a server that suggests to continue as new',
    { ...CONTINUED, snapshots: SNAPSHOTS_CONTINUED },
    { suggestContinueAsNewAfter: 5 },
  ],
])('%s', (_, scenarios, { speed, ...options }) => {
  let aws: AwsServer | undefined;
  let migrations: MigrationWorld;

  beforeAll(async () => {
    aws = speed ? await AwsServer.start('--speed', speed) : undefined;
    migrations = await MigrationWorld.open({ otherAccounts: 1, aws: aws?.endpoint, ...options });
  });
  afterAll(async () => {
    await migrations.close();
    aws?.stop();
  });
  beforeEach(() => migrations.world.proxy.reset());

  it.each(Object.entries(scenarios))('records %s', async (_name, play) => {
    for (const [name, handle] of Object.entries(await play(migrations))) await record(name, handle);
  });
});
