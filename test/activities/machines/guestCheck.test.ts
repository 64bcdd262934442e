import { SSMClient } from '@aws-sdk/client-ssm';
import { Commands } from '../../../src/activities/machines/commands';
import { GuestCheck } from '../../../src/activities/machines/guestCheck';
import type { TestAccount } from '../../support/accounts';
import { AwsProxy } from '../../support/awsProxy';
import { AwsServer } from '../../support/awsServer';
import { anInstance } from '../../support/seed';

const SIGNAL = new AbortController().signal;

describe('a health check in a guest', () => {
  let aws: AwsServer;
  let account: TestAccount;
  let proxy: AwsProxy;
  let ssm: SSMClient;
  let instanceId: string;

  beforeAll(async () => {
    aws = await AwsServer.start('--speed', '2000');
    [account, proxy] = await Promise.all([aws.account(), AwsProxy.start(aws.endpoint)]);
    const { credentials } = account;
    ssm = new SSMClient({ region: 'us-east-1', endpoint: proxy.endpoint, credentials, maxAttempts: 1 });
    ({ instanceId } = await anInstance(account));
  });
  afterAll(async () => {
    ssm.destroy();
    await proxy.stop();
    aws.stop();
  });
  beforeEach(async () => {
    proxy.reset();
    await aws.control.delete('faults');
  });

  /** As an attempt of the activity begins. */
  const attempt = (migrationId: string, number = 1) =>
    new GuestCheck(new Commands(ssm, { readLagMs: 40, pollMs: 20 }, Date.now()), {
      instanceId,
      migrationId,
      number,
      lines: ['systemctl is-active orders'],
      windows: false,
    });
  const sent = () => proxy.callsOf('SendCommand').map(({ params }) => params.Comment);

  it('goes on with the command of an attempt that was cut off, instead of sending another', async () => {
    expect(await attempt('mig-1').ask(5_000, SIGNAL)).toMatchObject({ ok: true });
    expect(await attempt('mig-1').ask(5_000, SIGNAL)).toMatchObject({ ok: true });
    expect(sent()).toEqual(['holdfast/mig-1/check1/1']);
  });

  it('takes no command of another check or another migration for its own', async () => {
    await attempt('mig-2', 1).ask(5_000, SIGNAL);
    await attempt('mig-2', 2).ask(5_000, SIGNAL);
    await attempt('mig-3', 1).ask(5_000, SIGNAL);
    const marks = ['holdfast/mig-2/check1/1', 'holdfast/mig-2/check2/1', 'holdfast/mig-3/check1/1'];
    expect(sent()).toEqual(marks);
  });

  it('numbers its tries on from those of an attempt that was cut off', async () => {
    await aws.control.post('faults', { action: 'SendCommand', nth: [1], effect: { fails: 'inactive' } });
    await attempt('mig-4').ask(5_000, SIGNAL);
    const next = attempt('mig-4');
    expect(await next.ask(5_000, SIGNAL)).toMatchObject({
      ok: false,
      said: expect.stringContaining('inactive') as string,
    });
    expect(await next.ask(5_000, SIGNAL)).toMatchObject({ ok: true });
    expect(sent()).toEqual(['holdfast/mig-4/check1/1', 'holdfast/mig-4/check1/2']);
  });

  it('cancels what overruns', async () => {
    await aws.control.post('clock', { speed: 1 });
    await aws.control.post('faults', { action: 'SendCommand', effect: { hangs: true } });
    const answer = await attempt('mig-5').ask(200, SIGNAL);
    expect(answer).toMatchObject({ ok: false, said: expect.stringContaining('was cancelled') as string });
    expect(proxy.callsOf('CancelCommand')).toHaveLength(1);
  });
});
