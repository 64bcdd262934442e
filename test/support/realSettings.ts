import { createActivities } from '../../src/activities';
import { DEFAULT_SETTINGS } from '../../src/activities/support/deps';
import type { Scenario } from '../replay/scenario';
import { AwsServer } from './awsServer';
import { MigrationWorld } from './migration';
import { REACHED, type Part } from './reached';
import { SPEED, VirtualTime } from './virtualTime';
import type { WorldOptions } from './world';

/** A local AWS and a world of their own, and what is played there. */
interface Stage extends WorldOptions {
  scenarios: Record<string, Scenario>;
  /** As SPEED when left out. */
  speed?: string;
  /** Scenarios that break the nth call of an action: another call that fails would count. */
  counting?: string[];
}

/**
 * Plays everything with the settings and timeouts of production, in virtual time, while each first change of an activity
 * fails and the answer to the next is lost: no attempt may outlive its timeouts.
 *
 * @param part whose activities are all to be reached
 */
export function playedInVirtualTime(stages: Record<string, Stage>, part?: Part): void {
  const time = new VirtualTime();

  describe.each(Object.entries(stages))('%s', (_, stage) => {
    const { scenarios, speed = String(SPEED), counting = [], ...options } = stage;
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
    beforeEach(() => migrations.world.proxy.reset());
    // Also of a run that hangs: it says why.
    afterEach(() => expect(time.tooLong()).toEqual([]));

    it.each(Object.entries(scenarios))('%s', async (name, play) => {
      time.disturbs = !counting.includes(name);
      await play(migrations);
    });
  });

  if (!part) return;
  it('reaches its activities', () => {
    const wanted = Object.entries(REACHED).filter(([, by]) => by === part);
    expect(wanted.map(([name]) => name).filter((name) => !time.reached.has(name))).toEqual([]);
  });
}
