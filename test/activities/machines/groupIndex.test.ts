import {
  DescribeTargetGroupAttributesCommand,
  DescribeTargetGroupsCommand,
  DescribeTargetHealthCommand,
  ElasticLoadBalancingV2Client,
} from '@aws-sdk/client-elastic-load-balancing-v2';
import { MockActivityEnvironment } from '@temporalio/testing';
import { GroupIndex } from '../../../src/activities/machines/groupIndex';
import type { KnownInstance } from '../../../src/activities/support/known';

const INSTANCE: KnownInstance = { InstanceId: 'i-1', State: { Name: 'running' } };
/** As many as are looked at whenever somebody asks, and one more. */
const [FEW, MANY] = [10, 11];
const CALL_MS = 100;

/** So many target groups, and who is in them; each call takes its time, by the clock that is read. */
function groups(count: number) {
  const names = Array.from({ length: count }, (_, index) => `group-${index}`);
  const registered = new Map<string, string[]>(names.map((name) => [name, []]));
  const state = { failure: undefined as Error | undefined };
  const answer = (command: unknown): object => {
    jest.setSystemTime(Date.now() + CALL_MS);
    if (state.failure) throw state.failure;
    if (command instanceof DescribeTargetGroupsCommand)
      return {
        TargetGroups: names.map((name) => ({
          TargetGroupArn: name,
          TargetGroupName: name,
          TargetType: 'instance',
        })),
      };
    if (command instanceof DescribeTargetHealthCommand)
      return {
        TargetHealthDescriptions: registered
          .get(command.input.TargetGroupArn ?? '')
          ?.map((Id) => ({ Target: { Id, Port: 80 }, TargetHealth: { State: 'healthy' } })),
      };
    if (command instanceof DescribeTargetGroupAttributesCommand) return { Attributes: [] };
    throw new Error('not a call of the index');
  };
  const send = (command: unknown) => new Promise((resolve) => resolve(answer(command)));
  const client = Object.assign(new ElasticLoadBalancingV2Client({ region: 'us-east-1' }), { send });
  const index = new GroupIndex(() => client);
  const within = (look: () => Promise<{ name: string }[]>) =>
    new MockActivityEnvironment().run<[], string[], () => Promise<string[]>>(async () =>
      (await look()).map(({ name }) => name),
    );
  return {
    state,
    planned: () => within(() => index.readAsPlanned(INSTANCE)),
    now: (afresh = false) => within(() => index.readNow(INSTANCE, { afresh })),
    register: (name: string) => registered.set(name, ['i-1']),
    deregister: (name: string) => registered.set(name, []),
  };
}

describe('the target groups of a machine', () => {
  beforeEach(() => jest.useFakeTimers({ doNotFake: ['nextTick', 'setImmediate', 'setTimeout'] }));
  afterEach(() => jest.useRealTimers());

  it('are looked at whenever somebody asks where there are few', async () => {
    const { planned, now, register } = groups(FEW);
    expect(await planned()).toEqual([]);
    register('group-3');
    expect(await planned()).toEqual(['group-3']);
    register('group-4');
    expect(await now()).toEqual(['group-3', 'group-4']);
  });

  it('count for twenty times as long as a look at them takes where there are many', async () => {
    const { planned, now, register } = groups(MANY);
    expect(await planned()).toEqual([]);
    register('group-3');
    const lookMs = (1 + MANY) * CALL_MS;
    jest.setSystemTime(Date.now() + 20 * lookMs - 1);
    expect(await planned()).toEqual([]);
    expect(await now()).toEqual([]);
    jest.setSystemTime(Date.now() + 1);
    expect(await planned()).toEqual(['group-3']);
  });

  it('are never those that it has left, and all of them where one looks afresh', async () => {
    const { now, register, deregister } = groups(MANY);
    register('group-3');
    expect(await now()).toEqual(['group-3']);
    deregister('group-3');
    register('group-4');
    expect(await now()).toEqual([]);
    expect(await now(true)).toEqual(['group-4']);
    expect(await now()).toEqual(['group-4']);
  });

  it('are looked at again after a look that failed', async () => {
    const { state, planned, register } = groups(MANY);
    register('group-3');
    state.failure = new Error('ELB is away');
    await expect(planned()).rejects.toThrow('ELB is away');
    state.failure = undefined;
    expect(await planned()).toEqual(['group-3']);
  });
});
