import { asyncLocalStorage } from '@temporalio/activity';
import { MockActivityEnvironment } from '@temporalio/testing';
import { EC2Client, StopInstancesCommand } from '@aws-sdk/client-ec2';
import { lookUntil, LookRhythm } from '../../../src/activities/support/pace/rhythm';
import {
  readAll,
  readInstance,
  readSnapshot,
  readStatus,
  readVolume,
  sharedRead,
} from '../../../src/activities/support/sharedReads';
import type { TestAccount } from '../../support/accounts';
import { AwsProxy } from '../../support/awsProxy';
import { AwsServer } from '../../support/awsServer';
import { aVolume, anInstance } from '../../support/seed';

interface Thing {
  id: string;
  version: number;
}

const client = () => ({}) as EC2Client;
const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

/** Things of which some are missing, and what was asked of them. */
function world({ missing = [] as string[], takesMs = 0, atMost = 200 } = {}) {
  const state = { version: 1, calls: [] as string[][], failure: undefined as Error | undefined };
  const list = async (_: EC2Client, ids: string[]): Promise<Thing[]> => {
    state.calls.push(ids);
    const { version } = state;
    await sleep(takesMs);
    if (state.failure) throw state.failure;
    return ids.filter((id) => !missing.includes(id)).map((id) => ({ id, version }));
  };
  const read = sharedRead(list, ({ id }) => id, atMost);
  return { state, read };
}

describe('reads that are shared', () => {
  it('are one call for each client, in which no id comes twice', async () => {
    const { state, read } = world();
    const [one, other] = [client(), client()];
    const found = await Promise.all([read(one, 'a'), read(one, 'b'), read(one, 'a'), read(other, 'a')]);
    expect(found.map((thing) => thing?.id)).toEqual(['a', 'b', 'a', 'a']);
    expect(state.calls).toEqual([['a', 'b'], ['a']]);
  });

  it('do without what is missing', async () => {
    const { read } = world({ missing: ['b'] });
    const ec2 = client();
    const found = await Promise.all(['a', 'b', 'c'].map((id) => read(ec2, id)));
    expect(found.map((thing) => thing?.id)).toEqual(['a', undefined, 'c']);
    expect((await readAll(['a', 'b', 'c'], (id) => read(ec2, id))).map(({ id }) => id)).toEqual(['a', 'c']);
  });

  it('never answer with what was asked before they began, nor with what an earlier one saw', async () => {
    const { state, read } = world({ takesMs: 100 });
    const ec2 = client();
    const before = read(ec2, 'a');
    // The call of the first is under way.
    await sleep(60);
    expect(state.calls).toHaveLength(1);
    state.version = 2;
    expect((await read(ec2, 'a'))?.version).toBe(2);
    expect((await before)?.version).toBe(1);
    state.version = 3;
    expect((await read(ec2, 'a'))?.version).toBe(3);
  });

  it('ask for no more at a time than a filter takes', async () => {
    const { state, read } = world({ atMost: 200 });
    const ec2 = client();
    const ids = Array.from({ length: 450 }, (_, index) => `id-${index}`);
    const found = await Promise.all(ids.map((id) => read(ec2, id)));
    expect(found.map((thing) => thing?.id)).toEqual(ids);
    expect(state.calls.map(({ length }) => length)).toEqual([200, 200, 50]);
  });

  it('all fail when their call does, and the next one is made anew', async () => {
    const { state, read } = world();
    const ec2 = client();
    state.failure = new Error('AWS is away');
    const ends = await Promise.allSettled([read(ec2, 'a'), read(ec2, 'b')]);
    const { failure } = state;
    expect(ends).toEqual(ends.map(() => ({ status: 'rejected', reason: failure })));
    expect(ends).toHaveLength(2);
    state.failure = undefined;
    expect((await read(ec2, 'a'))?.id).toBe('a');
  });

  it('belong to no activity: one that is cancelled leaves, and the others are answered', async () => {
    const { state, read } = world();
    const ec2 = client();
    const within: unknown[] = [];
    const seen = sharedRead<Thing>(
      (_, ids) => {
        within.push(asyncLocalStorage.getStore());
        return Promise.resolve(ids.map((id) => ({ id, version: state.version })));
      },
      ({ id }) => id,
    );
    await new MockActivityEnvironment().run(() => seen(ec2, 'a'));
    expect(within).toEqual([undefined]);

    const until = async (id: string) => {
      const isThere = async () => (await read(ec2, id))?.version === 2;
      await lookUntil(new LookRhythm(200, 0), 200, isThere, () => ({ waitingFor: id }));
    };
    const environments = [new MockActivityEnvironment(), new MockActivityEnvironment()];
    const ends = ['a', 'b'].map((id, index) => environments[index]?.run(() => until(id)));
    const cancelled = expect(ends[0]).rejects.toThrow('CANCELLED');
    await sleep(150);
    environments[0]?.cancel();
    await cancelled;
    state.version = 2;
    await ends[1];
    expect(state.calls.map((ids) => ids.toSorted())).toContainEqual(['a', 'b']);
    expect(state.calls.at(-1)).toEqual(['b']);
  });
});

/** https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/Using_Filtering.html */
describe('shared reads of EC2', () => {
  let aws: AwsServer;
  let account: TestAccount;
  let proxy: AwsProxy;
  let ec2: EC2Client;

  beforeAll(async () => {
    aws = await AwsServer.start('--speed', 'instant');
    [account, proxy] = await Promise.all([aws.account(), AwsProxy.start(aws.endpoint)]);
    const { credentials } = account;
    ec2 = new EC2Client({ region: 'us-east-1', endpoint: proxy.endpoint, credentials, maxAttempts: 1 });
  });
  afterAll(async () => {
    ec2.destroy();
    await proxy.stop();
    aws.stop();
  });
  beforeEach(() => proxy.reset());

  const GONE = {
    instance: 'i-0123456789abcdef0',
    volume: 'vol-0123456789abcdef0',
    snapshot: 'snap-0123456789abcdef0',
  };

  it('find instances and volumes in one call each, although one of each is gone', async () => {
    const [one, other] = await Promise.all([anInstance(account), anInstance(account)]);
    const volumes = await Promise.all([aVolume(account), aVolume(account)]);
    const [instances, found, snapshot] = await Promise.all([
      readAll([one.instanceId, GONE.instance, other.instanceId], (id) => readInstance(ec2, id)),
      readAll([...volumes, GONE.volume], (id) => readVolume(ec2, id)),
      readSnapshot(ec2, GONE.snapshot),
    ]);
    expect(instances.map(({ InstanceId }) => InstanceId)).toEqual([one.instanceId, other.instanceId]);
    expect(found.map(({ VolumeId }) => VolumeId)).toEqual(volumes);
    expect(snapshot).toBeUndefined();
    const actions = proxy.calls.map(({ action }) => action).toSorted();
    expect(actions).toEqual(['DescribeInstances', 'DescribeSnapshots', 'DescribeVolumes']);
  });

  it('find the status of machines that run, although one does not and one is gone', async () => {
    const [runs, stopped] = await Promise.all([anInstance(account), anInstance(account)]);
    await account.ec2().send(new StopInstancesCommand({ InstanceIds: [stopped.instanceId] }));
    const ids = [runs.instanceId, stopped.instanceId, GONE.instance];
    const statuses = await readAll(ids, (id) => readStatus(ec2, id));
    expect(statuses.map(({ InstanceId }) => InstanceId)).toEqual([runs.instanceId]);
  });
});
