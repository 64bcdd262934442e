import type { Activities } from '../../../src/activities';
import { FAILURE } from '../../../src/model/failures';
import type { EncryptVolumesResult } from '../../../src/model/encryption/campaign/campaign';
import type { MigrateMachineResult } from '../../../src/model/moves/migration';
import { awaitResult } from '../../support/awaitResult';
import { expectOnlyEncryptionChanged, expectUndone } from '../../support/claims';
import { expectFailure, failedResult } from '../../support/failure';
import { GuestWorld } from '../../support/guestWorld';
import { ANY_LOSS } from '../../support/migration';
import { anInstance, instance, stopped } from '../../support/seed';
import { throughout } from '../../support/throughout';
import { TargetGroup } from '../../support/targetGroups';

const DENIED = { before: { code: 'AccessDenied', status: 403 } };
/** How long a machine may take to be drained, and to be served again; no test waits for the minute that is the shortest timeout. */
const LONG_MS = 4_000;
let patienceMs = LONG_MS;
/** For what never comes about. */
const SHORT_MS = 500;
/** What the order of is looked at. */
const STEPS = /^(CreateSnapshots|RegisterTargets|DeregisterTargets|StopInstances|StartInstances)$/;

function inShortTime(activities: Activities): Partial<Activities> {
  const shorter = <Input extends { timeoutMs: number }>(input: Input) => ({
    ...input,
    timeoutMs: Math.min(input.timeoutMs, patienceMs),
  });
  const own = { ...activities };
  return {
    awaitDrained: (input) => own.awaitDrained(shorter(input)),
    awaitServed: (input) => own.awaitServed(shorter(input)),
  };
}

describe('drain of a migration', () => {
  const opened = throughout(() => GuestWorld.open({ override: inShortTime }));
  const migrations = () => opened().migrations;
  const groups: TargetGroup[] = [];

  beforeEach(() => {
    patienceMs = LONG_MS;
  });
  // Where there are many, those that were just made may not be seen yet (test/activities/machines/groupIndex.test.ts).
  afterEach(() => Promise.all(groups.splice(0).map((group) => group.remove())));

  /** A machine that two ports of a group and an address in another one serve from. */
  async function served(delay = 300) {
    const { home } = migrations().world;
    const { instanceId } = await anInstance(home);
    const { PrivateIpAddress } = await instance(home, instanceId);
    const web = await TargetGroup.near(home, instanceId, { delay });
    await web.serving({ Id: instanceId, Port: 80 }, { Id: instanceId, Port: 8080 });
    const direct = await TargetGroup.near(home, instanceId, { type: 'ip', port: 5432, delay });
    await direct.serving({ Id: PrivateIpAddress });
    groups.push(web, direct);
    const states = async () => [...(await web.states()), ...(await direct.states())];
    return { instanceId, web, direct, states, serving: await states() };
  }

  const steps = () =>
    migrations()
      .world.proxy.calls.map(({ action }) => action)
      .filter((a) => STEPS.test(a));
  const allFailed = (run: Promise<unknown>) => failedResult<EncryptVolumesResult>(run, FAILURE.allFailed);

  it('takes the machine out before the stop, and registers it as it was after the gate', async () => {
    const { instanceId, states, serving } = await served();
    const before = await migrations().stateOf(instanceId);
    let whileStopped: string[] | undefined;
    const seen = migrations().meanwhile('StopInstances', async () => void (whileStopped = await states()));
    const input = { instanceIds: [instanceId], drain: true, strategy: 'direct' };
    const { encrypted } = await migrations().encrypt(input);
    await seen;
    expect(encrypted.total).toBe(1);
    expect(whileStopped).toEqual([]);
    expect(await states()).toEqual(serving);
    const after = await migrations().stateOf(instanceId);
    expectOnlyEncryptionChanged(before, after);
    expect(after.marks).toEqual(['holdfast:migration']);
    // The first two registrations prove that the role may make the others.
    expect(steps()).toEqual([
      'CreateSnapshots',
      ...['RegisterTargets', 'RegisterTargets', 'DeregisterTargets', 'DeregisterTargets'],
      ...['StopInstances', 'CreateSnapshots', 'StartInstances'],
      ...['RegisterTargets', 'RegisterTargets'],
    ]);
  });

  it('is planned by name, with the time that it may take', async () => {
    const { instanceId, web, direct } = await served(240);
    const { plan } = await migrations().encrypt({ instanceIds: [instanceId], drain: true, dryRun: true });
    const drain = plan?.items[0]?.drain;
    expect(drain?.takesMs).toBe(240_000);
    expect(drain?.groups.map(({ name }) => name).sort()).toEqual([web.name, direct.name].sort());
    expect(drain?.groups.find(({ name }) => name === web.name)?.targets).toEqual([
      `${instanceId}:80`,
      `${instanceId}:8080`,
    ]);
    expect(migrations().world.proxy.mutations()).toEqual([]);
  });

  it('is missed, in a remark, where a machine is in a target group and it was not asked for', async () => {
    const { instanceId, web } = await served();
    const { plan } = await migrations().encrypt({ instanceIds: [instanceId], dryRun: true });
    expect(plan?.items[0]?.remarks?.[0]).toContain(web.name);
    expect(plan?.items[0]?.drain).toBeUndefined();
  });

  it('blocks a machine whose groups drain for longer than it may take, or cannot be read', async () => {
    const { instanceId, web } = await served(1200);
    const input = { instanceIds: [instanceId], dryRun: true };
    const { skipped } = await migrations().encrypt({ ...input, drain: { timeout: '10m' } });
    expect(skipped.items[0]?.reasons).toContainEqual(
      expect.stringContaining(`drain: target group ${web.name} drains for 20 min, longer than`),
    );
    migrations().world.proxy.fault('DescribeTargetGroups', DENIED);
    const unreadable = await migrations().encrypt({ ...input, drain: { timeout: '30m' } });
    expect(unreadable.skipped.items[0]?.reasons[0]).toContain(
      'allow elasticloadbalancing:DescribeTargetGroups',
    );
    expect((await migrations().encrypt(input)).plan?.total).toBe(1);
  });

  it('takes nobody out whom it may not put back', async () => {
    const { instanceId, states, serving } = await served();
    const before = await migrations().stateOf(instanceId);
    migrations().world.proxy.fault('RegisterTargets', DENIED);
    const { rolledBack } = await allFailed(migrations().encrypt({ instanceIds: [instanceId], drain: true }));
    expect(rolledBack.items[0]?.message).toContain('allow elasticloadbalancing:RegisterTargets');
    expect(steps()).not.toContain('DeregisterTargets');
    expect(await states()).toEqual(serving);
    expect(await migrations().stateOf(instanceId)).toEqual(before);
  });

  it('keeps a machine that fails its gate out until its originals run', async () => {
    const { instanceId, states, serving } = await served();
    const before = await migrations().stateOf(instanceId);
    const inGroups: string[][] = [];
    const look = () => states().then((now) => void inGroups.push(now));
    const seen = [
      migrations().meanwhile('StopInstances', look, 2),
      migrations().meanwhile('StartInstances', look, 2),
    ];
    migrations().world.proxy.fault('DescribeInstanceStatus', DENIED);
    await allFailed(migrations().encrypt({ instanceIds: [instanceId], drain: true }));
    await Promise.all(seen);
    expect(inGroups).toEqual([[], []]);
    expect(await states()).toEqual(serving);
    await expectUndone(migrations(), instanceId, before);
  });

  it('registers the machine again where it could be taken out of some groups only', async () => {
    const { instanceId, states, serving } = await served();
    const before = await migrations().stateOf(instanceId);
    migrations().world.proxy.fault('DeregisterTargets', DENIED, 2);
    await allFailed(migrations().encrypt({ instanceIds: [instanceId], drain: true }));
    expect(await states()).toEqual(serving);
    expect(await migrations().stateOf(instanceId)).toEqual(before);
  });

  it('does not stop a machine that is not drained in time', async () => {
    const { instanceId, states, serving } = await served();
    const before = await migrations().stateOf(instanceId);
    patienceMs = SHORT_MS;
    const stands = migrations().meanwhile(
      'DeregisterTargets',
      () => opened().aws.control.post('clock', { speed: 0 }),
      2,
    );
    const goes = migrations().meanwhile(
      'RegisterTargets',
      () => opened().aws.control.post('clock', { speed: 2000 }),
      3,
    );
    const { rolledBack } = await allFailed(migrations().encrypt({ instanceIds: [instanceId], drain: true }));
    await Promise.all([stands, goes]);
    expect(rolledBack.items[0]?.message).toContain('DrainFailed');
    expect(steps()).not.toContain('StopInstances');
    expect(await states()).toEqual(serving);
    expect(await migrations().stateOf(instanceId)).toEqual(before);
  });

  it.each<[string, string, number]>([
    ['while it drains', 'DeregisterTargets', 1],
    ['when it stops', 'StopInstances', 1],
    ['after the swap', 'StartInstances', 1],
    ['when it is registered again', 'RegisterTargets', 3],
  ])('is made good by the next run where a migration was terminated %s', async (_, action, nth) => {
    const { instanceId, states, serving } = await served();
    const terminate = () => migrations().machine(instanceId).terminate('test');
    const terminated = migrations().meanwhile(action, terminate, nth);
    const first = await migrations().start({ instanceIds: [instanceId], drain: true, strategy: 'direct' });
    await terminated;
    await first.terminate('test');
    // The next one was not asked to drain: what it finds, it puts right all the same.
    const { encrypted } = await migrations().encrypt({ instanceIds: [instanceId], strategy: 'direct' });
    expect(encrypted.total).toBe(1);
    expect(await states()).toEqual(serving);
    expect((await migrations().stateOf(instanceId)).marks).toEqual(['holdfast:migration']);
  });

  it('holds for a rollback in soak too', async () => {
    const { instanceId, states, serving } = await served();
    const before = await migrations().stateOf(instanceId);
    await migrations().encrypt({ instanceIds: [instanceId], drain: true });
    const machine = await migrations().pinned(instanceId);
    migrations().world.proxy.reset();
    let whileStopped: string[] | undefined;
    const seen = migrations().meanwhile('StopInstances', async () => void (whileStopped = await states()));
    await migrations().tell(instanceId, 'rollback', ANY_LOSS);
    const result = await awaitResult<MigrateMachineResult>(machine);
    await seen;
    expect(result.outcome).toBe('rolledBack');
    expect(whileStopped).toEqual([]);
    expect(await states()).toEqual(serving);
    expect(await migrations().stateOf(instanceId)).toEqual(before);
  });

  it('is a failure to its campaign, and for a person to judge, where a machine gets no requests afterwards', async () => {
    const { instanceId, web, states, serving } = await served();
    const before = await migrations().stateOf(instanceId);
    await opened().aws.control.post('faults', {
      action: 'RegisterTargets',
      nth: [3],
      effect: { unhealthy: true },
    });
    patienceMs = SHORT_MS;
    const { home } = migrations().world;
    const next = (await anInstance(home)).instanceId;
    const input = { instanceIds: [instanceId, next], drain: true, soak: '1d' };
    const result = await allFailed(migrations().encrypt(input));
    expect(result.failed.items[0]?.message).toContain(`in target group ${web.name} is unhealthy`);
    expect(result.skipped.items[0]).toMatchObject({ item: next });
    const machine = await migrations().pinned(instanceId);
    await opened().aws.control.delete('faults');
    patienceMs = LONG_MS;
    await migrations().tell(instanceId, 'rollback', ANY_LOSS);
    expect((await awaitResult<MigrateMachineResult>(machine)).outcome).toBe('rolledBack');
    expect(await states()).toEqual(serving);
    expect(await migrations().stateOf(instanceId)).toEqual(before);
  });

  it('is nothing for a machine that is stopped', async () => {
    const { instanceId, states } = await served();
    await stopped(migrations().world.home, instanceId);
    const before = await states();
    const { encrypted } = await migrations().encrypt({ instanceIds: [instanceId], drain: true });
    expect(encrypted.total).toBe(1);
    expect(steps()).not.toContain('DeregisterTargets');
    expect(await states()).toEqual(before);
  });

  it('is refused before any call where it says no time', async () => {
    const input = { instanceIds: ['i-0123456789abcdef0'], drain: { timeout: 'soon' } };
    const message = await expectFailure(migrations().encrypt(input), FAILURE.invalidInput);
    expect(message).toContain('drain.timeout: not a length of time');
    expect(migrations().world.proxy.calls).toEqual([]);
  });
});
