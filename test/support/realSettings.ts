import { createActivities } from '../../src/activities';
import { DEFAULT_SETTINGS } from '../../src/activities/deps';
import { SCENARIOS, CONTINUED } from '../replay/scenarios';
import type { Scenario } from '../replay/scenario';
import { SERVED_SCENARIOS } from '../replay/servedScenarios';
import { SNAPSHOTS, SNAPSHOTS_CONTINUED } from '../replay/snapshotScenarios';
import { AwsServer } from './awsServer';
import { MigrationWorld } from './migration';
import { SPEED, type VirtualTime } from './virtualTime';
import type { WorldOptions } from './world';

type Played = [name: string, scenarios: Record<string, Scenario>, speed: string, options: WorldOptions];

/** Every path that is recorded for the replay tests: all workflows, their undo, their cancels. */
const PLAYED: Played[] = [
  ['on a server as it is', { ...SCENARIOS, ...SNAPSHOTS }, String(SPEED), {}],
  ['on an AWS where nothing takes time', SERVED_SCENARIOS, 'instant', {}],
  [
    'on a server that suggests to continue as new',
    { ...CONTINUED, snapshots: SNAPSHOTS_CONTINUED },
    String(SPEED),
    { suggestContinueAsNewAfter: 5 },
  ],
];

export function playedWith(time: VirtualTime): void {
  describe.each(PLAYED)('%s', (_, scenarios, speed, options) => {
    let aws: AwsServer;
    let migrations: MigrationWorld;

    beforeAll(async () => {
      aws = await AwsServer.start('--speed', speed);
      migrations = await MigrationWorld.open({
        otherAccounts: 1,
        aws: aws.endpoint,
        settings: DEFAULT_SETTINGS,
        override: (__, deps) =>
          time.watching(createActivities({ ...deps, waits: time, aws: time.clients(deps.aws) })),
        ...options,
      });
    });
    afterAll(async () => {
      await migrations.close();
      aws.stop();
    });
    beforeEach(() => {
      migrations.world.proxy.reset();
      time.took.length = 0;
    });

    // Also of a run that hangs: it says why.
    afterEach(() => expect(time.tooLong()).toEqual([]));

    it.each(Object.entries(scenarios))('%s', async (_name, play) => void (await play(migrations)), 40_000);
  });
}
