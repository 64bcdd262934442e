import { CreateTagsCommand } from '@aws-sdk/client-ec2';
import { formatCloneClaim, type CloneClaim } from '../../../src/model/moves/cloneClaim';
import { AwsServer } from '../../support/awsServer';
import { MigrationWorld } from '../../support/migration';
import { anInstance, disksOf, tagsOf, volume, type DiskSpec } from '../../support/seed';

const HOUR = 3_600_000;
const FIVE: DiskSpec[] = Array.from({ length: 4 }, (_, n) => ({
  device: `/dev/sd${'fghi'.charAt(n)}`,
  size: 1,
}));

/** A claim of volume copies is a tag, and tags are copied: with a machine, its image, or by AWS Backup. */
describe('claims of volume copies that are none', () => {
  let aws: AwsServer;
  let migrations: MigrationWorld;
  /** Somebody's machine that nothing is done with. */
  let idle: string;
  /** One whose migration is in soak: its workflow is open. */
  let soaking: string;

  beforeAll(async () => {
    aws = await AwsServer.start();
    migrations = await MigrationWorld.open({ aws: aws.endpoint });
    const { account } = migrations;
    idle = (await anInstance(account, { data: FIVE })).instanceId;
    soaking = (await anInstance(account, { data: FIVE })).instanceId;
    await migrations.encrypt({ instanceIds: [soaking], strategy: 'direct' });
  });
  afterAll(async () => {
    await migrations.close();
    aws.stop();
  });
  beforeEach(() => migrations.world.proxy.reset());

  const disks = async (id: string) => Object.values(await disksOf(migrations.account, id));

  /** A claim on every volume of a machine. */
  async function claimed(instanceId: string, claim: Partial<CloneClaim>): Promise<Record<string, string>> {
    const now = Date.now();
    const Value = formatCloneClaim({ migrationId: 'mig-0', since: 0, renewed: now, granted: true, ...claim });
    const Tags = [{ Key: 'holdfast:clone-claim', Value }];
    const Resources = await disks(instanceId);
    await migrations.account.ec2().send(new CreateTagsCommand({ Resources, Tags }));
    return Object.fromEntries(Resources.map((id) => [id, Value]));
  }

  async function strategyOf(): Promise<string | undefined> {
    const { instanceId } = await anInstance(migrations.account, { data: [] });
    const { encrypted } = await migrations.encrypt({ instanceIds: [instanceId] });
    return encrypted.items[0]?.strategy?.name;
  }

  it.each<[string, () => Promise<Record<string, string>>, string]>([
    ['of 0.1.0, on a machine that nothing is done with', () => claimed(idle, {}), 'clone'],
    [
      'on a machine that nothing is done with, and names itself',
      () => claimed(idle, { of: { holder: idle, volumes: 5 } }),
      'clone',
    ],
    [
      'copied from a machine whose migration is under way',
      () => claimed(idle, { of: { holder: soaking, volumes: 5 } }),
      'clone',
    ],
    [
      'granted far in the future',
      () => claimed(soaking, { renewed: Date.now() + 1000 * HOUR, of: { holder: soaking, volumes: 5 } }),
      'clone',
    ],
    [
      'copied to more volumes than it is about',
      () => claimed(soaking, { of: { holder: soaking, volumes: 1 } }),
      'clone',
    ],
    // These are what a migration really claims.
    [
      'but of a machine whose workflow is open',
      () => claimed(soaking, { of: { holder: soaking, volumes: 5 } }),
      'direct',
    ],
    ['but of 0.1.0, of a machine whose workflow is open', () => claimed(soaking, {}), 'direct'],
  ])('%s', async (_, claim, name) => {
    const made = await claim();
    expect(await strategyOf()).toBe(name);
    for (const [id, value] of Object.entries(made)) {
      const tags = tagsOf(await volume(migrations.account, id));
      expect(tags['holdfast:clone-claim']).toBe(value);
    }
    for (const id of [idle, soaking]) await forget(id);
    // Copies that were made meanwhile are in progress for hours.
    await aws.control.post('clock', { advance: 30 * 86_400 });
  });

  it('asks Temporal no more than there are copies to be had', async () => {
    const asked: string[] = [];
    const { workflow } = migrations.world.client;
    const getHandle = workflow.getHandle.bind(workflow);
    const spy = jest.spyOn(workflow, 'getHandle').mockImplementation((...args) => {
      asked.push(args[0]);
      return getHandle(...args);
    });
    await claimed(soaking, { of: { holder: soaking, volumes: 5 } });
    await claimed(idle, { since: 1, granted: false });
    expect(await strategyOf()).toBe('direct');
    spy.mockRestore();
    const machines = asked.filter((id) => id.endsWith(soaking) || id.endsWith(idle));
    expect(machines.map((id) => id.split('/').at(-1))).toEqual([soaking]);
  });

  async function forget(instanceId: string): Promise<void> {
    await claimed(instanceId, { renewed: 0 });
  }
});
