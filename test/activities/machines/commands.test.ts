import { SSMClient } from '@aws-sdk/client-ssm';
import { Commands, SendFailed, type Order } from '../../../src/activities/machines/commands';
import type { TestAccount } from '../../support/accounts';
import { AwsProxy } from '../../support/awsProxy';
import { AwsServer } from '../../support/awsServer';
import { anInstance } from '../../support/seed';

/** https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_SendCommand.html */
describe('commands in guests', () => {
  let aws: AwsServer;
  let account: TestAccount;
  let proxy: AwsProxy;
  let ssm: SSMClient;
  let commands: Commands;
  let instanceId: string;

  beforeAll(async () => {
    aws = await AwsServer.start('--speed', '2000');
    [account, proxy] = await Promise.all([aws.account(), AwsProxy.start(aws.endpoint)]);
    const { credentials } = account;
    ssm = new SSMClient({ region: 'us-east-1', endpoint: proxy.endpoint, credentials, maxAttempts: 1 });
    commands = new Commands(ssm, { readLagMs: 40, pollMs: 20 }, Date.now());
    ({ instanceId } = await anInstance(account));
    // From now on a command takes a while.
    await aws.control.post('clock', { speed: 100 });
  });
  afterAll(async () => {
    ssm.destroy();
    await proxy.stop();
    aws.stop();
  });
  beforeEach(async () => {
    proxy.reset();
    await aws.control.delete('faults');
    await aws.control.post('lag', { seconds: 0 });
  });

  let attempt = 0;
  function order(more: Partial<Order> = {}): Order {
    attempt += 1;
    return {
      instanceId,
      mark: { recoveryPointId: 'rp-1', step: 'pre', attempt },
      document: 'AWS-RunShellScript',
      parameters: { commands: ['true'], executionTimeout: ['3600'] },
      deliverySeconds: 30,
      ...more,
    };
  }
  const sent = () => proxy.callsOf('SendCommand').length;

  it('are awaited, also while no list shows them yet', async () => {
    await aws.control.post('lag', { seconds: 5 });
    const command = await commands.send(order());
    expect(await commands.end(command, 5_000)).toEqual({ ok: true, begun: true, said: 'Success' });
  });

  it('that overrun are cancelled, and do nothing any more', async () => {
    await aws.control.post('faults', { action: 'SendCommand', effect: { hangs: true } });
    const command = await commands.send(order());
    expect(await commands.end(command, 100)).toBeUndefined();
    expect(await commands.stop(command)).toEqual({ ok: false, begun: true, said: 'Cancelled' });
    expect(proxy.callsOf('CancelCommand')).toHaveLength(1);
  });

  it('are not cancelled when they are over', async () => {
    const command = await commands.send(order());
    await commands.end(command, 5_000);
    expect(await commands.stop(command)).toMatchObject({ ok: true });
    expect(proxy.callsOf('CancelCommand')).toEqual([]);
  });

  it('that failed say why, in the guest’s words', async () => {
    await aws.control.post('faults', { action: 'SendCommand', effect: { fails: 'exit status 3' } });
    const command = await commands.send(order());
    expect(await commands.end(command, 5_000)).toEqual({
      ok: false,
      begun: true,
      said: 'Failed: exit status 3',
    });
  });

  it('whose answer is lost are found although lists lag, and not sent again', async () => {
    await aws.control.post('lag', { seconds: 3 });
    proxy.fault('SendCommand', { after: 'lose the response' }, 1);
    const one = order();
    const command = await commands.send(one);
    expect(command).toMatchObject({ instanceId, mark: one.mark });
    expect(sent()).toBe(1);
  });

  it('that did not arrive are sent again', async () => {
    proxy.fault('SendCommand', { before: { code: 'InternalServerError', status: 500 } }, 1);
    await commands.send(order());
    expect(sent()).toBe(2);
  });

  it('wait out throttles', async () => {
    proxy.fault('SendCommand', { before: { code: 'ThrottlingException' } }, [1, 2, 3, 4, 5, 6, 7, 8]);
    await commands.send(order());
    expect(sent()).toBe(9);
  });

  it('that SSM refuses have not begun; those that nobody answers may have', async () => {
    await expect(commands.send(order({ document: 'Nobodys' }))).rejects.toMatchObject({ mayRun: false });
    proxy.fault('SendCommand', { before: { code: 'InternalServerError', status: 500 } });
    const failure = await commands.send(order()).catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(SendFailed);
    expect(failure).toMatchObject({ mayRun: true });
  });

  it('of others are not taken for Holdfast’s own', async () => {
    const other = order({ mark: { recoveryPointId: 'rp-2', step: 'post', attempt: 1 } });
    await commands.send(other);
    const own = await commands.findMarked(instanceId, 'rp-2');
    expect(own.map(({ mark }) => mark)).toEqual([other.mark]);
  });
});
