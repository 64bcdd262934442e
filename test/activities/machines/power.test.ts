import { MockActivityEnvironment } from '@temporalio/testing';
import { StopInstancesCommand, TerminateInstancesCommand } from '@aws-sdk/client-ec2';
import type { ActivityDeps } from '../../../src/activities/support/deps';
import { machinePowerActivities } from '../../../src/activities/machines/power';
import type { TestAccount } from '../../support/accounts';
import { AwsServer } from '../../support/awsServer';
import { anInstance, instance } from '../../support/seed';

describe('starting and stopping', () => {
  let aws: AwsServer;
  let account: TestAccount;

  beforeAll(async () => {
    aws = await AwsServer.start('--speed', 'instant');
    account = await aws.account();
  });
  afterAll(() => aws.stop());

  const target = () => ({ accountId: account.accountId, region: 'us-east-1' });
  const activities = () =>
    machinePowerActivities({
      aws: { ec2: () => account.ec2() },
      settings: { pollMs: 20, readLagMs: 100 },
    } as unknown as ActivityDeps);
  const stateOf = async (id: string) => (await instance(account, id)).State?.Name;

  it('can be asked for twice', async () => {
    const { instanceId } = await anInstance(account);
    for (const [name, state] of [
      ['ensureStopping', 'stopped'],
      ['ensureStarting', 'running'],
    ] as const) {
      await activities()[name]({ target: target(), instanceId });
      await activities()[name]({ target: target(), instanceId });
      expect(await stateOf(instanceId)).toBe(state);
    }
  });

  it('says of a machine that somebody has terminated that it is gone', async () => {
    const { instanceId } = await anInstance(account);
    await account.ec2().send(new TerminateInstancesCommand({ InstanceIds: [instanceId] }));
    for (const name of ['ensureStopping', 'ensureStarting'] as const) {
      const act = () => activities()[name]({ target: target(), instanceId });
      const gone = new MockActivityEnvironment().run(act);
      await expect(gone).rejects.toMatchObject({ type: 'NotFound', nonRetryable: true });
    }
  });

  it('believes no reason that an earlier start has left', async () => {
    const { instanceId } = await anInstance(account);
    const shown = [
      ...['stopped', 'stopped'].map((Name) => ({ Name, Code: 'Client.InternalError' })),
      ...['pending', 'running'].map((Name) => ({ Name, Code: '' })),
    ];
    const look = () => {
      const { Name, Code } = (shown.length > 1 ? shown.shift() : shown[0]) ?? {};
      const machine = { InstanceId: instanceId, State: { Name }, StateReason: { Code, Message: 'earlier' } };
      return Promise.resolve({ Reservations: [{ Instances: [machine] }] });
    };
    const power = machinePowerActivities({
      aws: { ec2: () => ({ send: look }) },
      settings: { pollMs: 5, readLagMs: 2_000 },
    } as unknown as ActivityDeps);
    const asked = { target: target(), instanceId, state: 'running' as const };
    await new MockActivityEnvironment().run(() => power.awaitMachine(asked));
    expect(shown).toHaveLength(1);
  });

  it('waits for no start that has failed, although nobody saw it begin', async () => {
    const { instanceId } = await anInstance(account);
    await account.ec2().send(new StopInstancesCommand({ InstanceIds: [instanceId] }));
    const asked = { target: target(), instanceId, state: 'running' as const };
    const wait = new MockActivityEnvironment().run(() => activities().awaitMachine(asked));
    await expect(wait).rejects.toThrow(`${instanceId} in ${target().accountId}/us-east-1 did not start`);
  });
});
