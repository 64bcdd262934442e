import { CreateTagsCommand } from '@aws-sdk/client-ec2';
import type { WorkflowHandle } from '@temporalio/client';
import { formatGroupMarks } from '../../../src/model/machines/drain';
import { AwsServer } from '../../support/awsServer';
import { MigrationWorld } from '../../support/migration';
import { anInstance, instance, tagsOf } from '../../support/seed';
import { TargetGroup } from '../../support/targetGroups';

/** An image and a launch template carry a machine's tags over to others; so do people. */
describe("another machine's notes of target groups on a machine", () => {
  let aws: AwsServer;
  let migrations: MigrationWorld;
  let first: string;
  let web: TargetGroup;

  beforeAll(async () => {
    aws = await AwsServer.start('--speed', '2000');
    migrations = await MigrationWorld.open({ aws: aws.endpoint });
    first = (await anInstance(migrations.account)).instanceId;
    web = await TargetGroup.near(migrations.account, first);
    await web.serving({ Id: first, Port: 80 });
  });
  afterAll(async () => {
    await migrations.close();
    aws.stop();
  });
  beforeEach(() => migrations.world.proxy.reset());

  async function tag(id: string, tags: Record<string, string>): Promise<void> {
    const Tags = Object.entries(tags).map(([Key, Value]) => ({ Key, Value }));
    await migrations.account.ec2().send(new CreateTagsCommand({ Resources: [id], Tags }));
  }

  const notesOn = async (id: string) =>
    Object.fromEntries(
      Object.entries(tagsOf(await instance(migrations.account, id))).filter(([key]) =>
        key.startsWith('holdfast:targets:'),
      ),
    );

  /** What a migration of the first machine notes on it. */
  const signed = (id = first, port = 80) =>
    formatGroupMarks([{ arn: web.arn, name: web.name, targets: [{ id, port, healthy: true }] }], {
      instanceId: first,
      migrationId: 'mig-0123456789abcdef0',
    })[0] ?? '';
  const unsigned = (note: string) => note.replace(/ of:\S+/, '');

  /** A machine in a group of its own, or in none. */
  async function other({ served }: { served: boolean }) {
    const { instanceId } = await anInstance(migrations.account);
    if (!served) return { instanceId, states: () => Promise.resolve([]) };
    const own = await TargetGroup.near(migrations.account, instanceId, { port: 81 });
    await own.serving({ Id: instanceId, Port: 81 });
    return { instanceId, states: () => own.states() };
  }

  /** What the Web UI shows of a run. */
  async function detailsOf(machine: WorkflowHandle): Promise<string> {
    return JSON.stringify(await machine.query('__temporal_workflow_metadata'));
  }

  it.each<[string, () => string, boolean]>([
    ['signed, on one that is in a group of its own', () => signed(), true],
    ['signed, on one that is in none', () => signed(), false],
    ['of 0.1.0, on one that is in a group of its own', () => unsigned(signed()), true],
    ['of 0.1.0, on one that is in none', () => unsigned(signed()), false],
    ['by its address', () => signed('10.250.0.7'), true],
  ])('%s, register it nowhere else, and stay', async (_, note, served) => {
    const { instanceId, states } = await other({ served });
    const copied = { 'holdfast:targets:1': note() };
    await tag(instanceId, copied);
    const [before, webBefore] = [await states(), await web.states()];
    const { encrypted } = await migrations.encrypt({
      instanceIds: [instanceId],
      drain: true,
      strategy: 'direct',
    });
    expect(encrypted.total).toBe(1);
    expect(await states()).toEqual(before);
    expect(await web.states()).toEqual(webBefore);
    expect(await notesOn(instanceId)).toEqual(copied);
    expect(await detailsOf(migrations.machine(instanceId))).toContain('holdfast:targets:1');
  });

  it('register it nowhere else in an undo', async () => {
    const { instanceId, states } = await other({ served: true });
    const copied = { 'holdfast:targets:1': unsigned(signed()) };
    await tag(instanceId, copied);
    const [before, webBefore] = [await states(), await web.states()];
    // Nothing of its own is noted yet.
    migrations.world.proxy.fault(
      ({ action, params }) => action === 'CreateTags' && JSON.stringify(params).includes('holdfast:targets'),
      {
        before: { code: 'UnauthorizedOperation', status: 403 },
      },
    );
    await migrations.encrypt({ instanceIds: [instanceId], drain: true }).catch(() => undefined);
    expect(await states()).toEqual(before);
    expect(await web.states()).toEqual(webBefore);
    expect(await notesOn(instanceId)).toEqual(copied);
  });

  describe('beside those of a migration that was terminated', () => {
    async function terminated(change: (instanceId: string, own: Record<string, string>) => Promise<void>) {
      const { instanceId, states } = await other({ served: true });
      const before = await states();
      const input = { instanceIds: [instanceId], drain: true, strategy: 'direct' };
      const campaign = await migrations.startAnd(input, 'StopInstances', async () => {
        await change(instanceId, await notesOn(instanceId));
        await migrations.machine(instanceId).terminate('test');
      });
      await campaign.terminate('test');
      const { encrypted } = await migrations.encrypt({ instanceIds: [instanceId], strategy: 'direct' });
      expect(encrypted.total).toBe(1);
      return { instanceId, before, after: await states() };
    }

    it('register it nowhere else, and its own do', async () => {
      const webBefore = await web.states();
      const copied = { 'holdfast:targets:7': signed() };
      const { instanceId, before, after } = await terminated((id) => tag(id, copied));
      expect(after).toEqual(before);
      expect(await web.states()).toEqual(webBefore);
      expect(await notesOn(instanceId)).toEqual(copied);
    });

    it('of 0.1.0, are its own where nobody else carries the same', async () => {
      const { instanceId, before, after } = await terminated((id, own) =>
        tag(id, { 'holdfast:targets:1': unsigned(own['holdfast:targets:1'] ?? '') }),
      );
      expect(after).toEqual(before);
      expect(await notesOn(instanceId)).toEqual({});
    });

    it('of 0.1.0, are nobody’s where another machine carries the same', async () => {
      const twin = await anInstance(migrations.account);
      let note: Record<string, string> = {};
      const { instanceId, after } = await terminated(async (id, own) => {
        note = { 'holdfast:targets:1': unsigned(own['holdfast:targets:1'] ?? '') };
        await tag(id, note);
        await tag(twin.instanceId, note);
      });
      expect(after.filter((state) => !state.endsWith('draining'))).toEqual([]);
      expect(await notesOn(instanceId)).toEqual(note);
      expect(await notesOn(twin.instanceId)).toEqual(note);
    });
  });
});
