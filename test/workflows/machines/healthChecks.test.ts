import http from 'node:http';
import net, { type AddressInfo } from 'node:net';
import { FAILURE } from '../../../src/model/failures';
import { workflowIds } from '../../../src/model/ids';
import type { EncryptVolumesResult } from '../../../src/model/encryption/campaign/campaign';
import type { ProgressPage } from '../../../src/model/progress';
import { HOME_REGION } from '../../support/accounts';
import type { AwsCall } from '../../support/awsWire';
import { expectOnlyEncryptionChanged } from '../../support/claims';
import { expectFailure, failedResult } from '../../support/failure';
import { GuestWorld } from '../../support/guestWorld';
import { anInstance, stopped } from '../../support/seed';
import { throughout } from '../../support/throughout';

const HOST = '127.0.0.1';
const COMMAND = { name: 'orders', command: ['systemctl is-active orders'] };
const NOTHING = { made: 0, marked: 0, snapshots: 0 };
/** What a run gets for its checks is what this leaves after stop and start. */
const SHORT_MS = 6_000;

/** Of the campaign's plan there are commands too. */
const CHECKS = { action: 'SendCommand', parameters: { Comment: 'holdfast/mig-*' } };

describe('health checks of a migration', () => {
  const opened = throughout(() => GuestWorld.open());
  const migrations = () => opened().migrations;
  /** What the program on the machine answers; undefined for a connection that stays silent. */
  let answers: (number | undefined)[];
  const program = http.createServer((_request, response) => {
    const status = answers.length > 1 ? answers.shift() : answers[0];
    if (status) response.writeHead(status).end();
  });
  let port: number;
  let closedPort: number;

  beforeAll(async () => {
    [port, closedPort] = [await listening(program), await portThatNobodyHas()];
  });
  afterAll(() => {
    program.closeAllConnections();
    program.close();
  });
  beforeEach(() => {
    answers = [200];
  });

  const isCheck = ({ action, params }: AwsCall) =>
    action === 'SendCommand' && String(params.Comment).startsWith('holdfast/mig-');
  const sent = () => migrations().world.proxy.calls.filter(isCheck);
  const machine = async () => (await anInstance(migrations().world.home)).instanceId;
  const target = () => ({ accountId: migrations().world.home.accountId, region: HOME_REGION });

  /** A migration whose machine may be down for a few seconds only. */
  function inShortTime(instanceId: string, healthChecks: object[]): Promise<unknown> {
    const where = { target: target(), instanceId, kmsKeyArn: migrations().key };
    const input = { ...where, maxDowntimeMs: SHORT_MS, healthChecks };
    const workflowId = workflowIds.machine(target(), instanceId);
    return migrations().world.run('migrateMachine', input, { workflowId });
  }

  async function rowsOf(instanceId: string) {
    const { rows } = await migrations().machine(instanceId).query<ProgressPage>('progress');
    return rows.filter(({ item }) => item.startsWith('health check'));
  }

  it('are passed, each by its own kind, before the machine counts as encrypted', async () => {
    const instanceId = await machine();
    const before = await migrations().stateOf(instanceId);
    const healthChecks = [
      COMMAND,
      { tcp: { port, host: HOST } },
      { http: { port, host: HOST, path: '/health' } },
      { http: { url: `http://${HOST}:${port}/moved`, status: 200 } },
    ];
    await migrations().encrypt({ instanceIds: [instanceId], healthChecks });
    expectOnlyEncryptionChanged(before, await migrations().stateOf(instanceId));
    expect(sent().map(({ params }) => params.DocumentName)).toEqual(['AWS-RunShellScript']);
    expect(await rowsOf(instanceId)).toMatchObject([
      { state: 'passed', note: expect.stringContaining('orders: Success') as string },
      { state: 'passed', note: `tcp ${HOST}:${port}: ${HOST}:${port} takes connections` },
      { state: 'passed', note: expect.stringContaining('/health answered 200') as string },
      { state: 'passed', note: expect.stringContaining('/moved answered 200') as string },
    ]);
  });

  it('are tried again until they succeed', async () => {
    const instanceId = await machine();
    answers = [503, 301, 200];
    await opened().aws.control.post('faults', { ...CHECKS, nth: [1, 2], effect: { fails: 'inactive' } });
    const healthChecks = [COMMAND, { http: { port, host: HOST } }];
    await migrations().encrypt({ instanceIds: [instanceId], healthChecks });
    expect(answers).toEqual([200]);
    expect(sent()).toHaveLength(3);
    expect(new Set(sent().map(({ params }) => params.Comment)).size).toBe(3);
  });

  it.each<[string, () => object, object | undefined, RegExp]>([
    ['a command that fails', () => COMMAND, { fails: 'inactive' }, /"orders".*last answer: Failed: inactive/],
    ['a command that hangs', () => COMMAND, { hangs: true }, /"orders".*(was cancelled|Timed Out)/],
    ['a port that is closed', () => ({ tcp: { port: closedPort, host: HOST } }), undefined, /ECONNREFUSED/],
    ['another status', () => ({ http: { port, host: HOST, status: 204 } }), undefined, /200 instead of 204/],
  ])('put the machine back as it was after %s', async (_what, check, effect, said) => {
    const instanceId = await machine();
    await migrations().writeTo(instanceId);
    const [before, content] = [
      await migrations().stateOf(instanceId),
      await migrations().contentOf(instanceId),
    ];
    if (effect) await opened().aws.control.post('faults', { ...CHECKS, effect });
    const message = await expectFailure(inShortTime(instanceId, [check()]), FAILURE.rolledBack);
    expect(message).toContain(FAILURE.healthCheckFailed);
    expect(message).toMatch(/did not succeed within the \d s that were left of maxDowntime/);
    expect(message).toMatch(said);
    expect(await migrations().stateOf(instanceId)).toEqual(before);
    expect(await migrations().contentOf(instanceId)).toEqual(content);
    expect(await migrations().leftovers(instanceId, before)).toEqual(NOTHING);
  });

  it('put the machine back where a program stays silent', async () => {
    const instanceId = await machine();
    const before = await migrations().stateOf(instanceId);
    answers = [undefined];
    const message = await expectFailure(
      inShortTime(instanceId, [{ http: { port, host: HOST } }]),
      FAILURE.rolledBack,
    );
    expect(message).toContain('no answer in time');
    expect(await migrations().stateOf(instanceId)).toEqual(before);
  });

  it('put the machine back at once where the role may not send commands', async () => {
    const instanceId = await machine();
    const before = await migrations().stateOf(instanceId);
    const denied = { before: { code: 'AccessDeniedException', status: 400 } };
    migrations().world.proxy.fault(isCheck, denied);
    const input = { instanceIds: [instanceId], healthChecks: [COMMAND] };
    const result = await failedResult<EncryptVolumesResult>(migrations().encrypt(input), FAILURE.allFailed);
    expect(result.rolledBack.items[0]?.message).toContain('SendCommand');
    expect(sent()).toHaveLength(1);
    expect(await migrations().stateOf(instanceId)).toEqual(before);
  });

  it('send a command once when its answer is lost', async () => {
    const instanceId = await machine();
    migrations().world.proxy.fault(isCheck, { after: 'lose the response' }, 1);
    await migrations().encrypt({ instanceIds: [instanceId], healthChecks: [COMMAND] });
    expect(sent()).toHaveLength(1);
    expect(migrations().world.proxy.callsOf('ListCommands').length).toBeGreaterThan(1);
  });

  it.each(['none', 'offline'] as const)(
    'by command refuse a machine before the stop whose agent is %s',
    async (agent) => {
      const instanceId = await machine();
      await opened().guests.change(instanceId, { agent });
      migrations().world.proxy.reset();
      const input = { instanceIds: [instanceId], healthChecks: [COMMAND] };
      const { plan, skipped } = await migrations().encrypt({ ...input, dryRun: true });
      expect(plan?.total).toBe(0);
      expect(skipped.items[0]?.reasons[0]).toContain('health check "orders" is a command');
      await failedResult(migrations().encrypt(input), FAILURE.allFailed);
      await expectFailure(inShortTime(instanceId, [COMMAND]), FAILURE.notMigratable);
      expect(migrations().world.proxy.mutations()).toEqual([]);
    },
  );

  it('are not asked of a machine that is stopped and stays so', async () => {
    const instanceId = await machine();
    await stopped(migrations().world.home, instanceId);
    await migrations().encrypt({ instanceIds: [instanceId], healthChecks: [COMMAND] });
    expect(sent()).toEqual([]);
  });

  it('keep a machine from being touched where they would reach what the worker must not', async () => {
    const { settings, proxy } = migrations().world;
    const instanceId = await machine();
    settings.checkHosts = ['10.99.0.0/16'];
    try {
      proxy.reset();
      const healthChecks = [{ tcp: { host: '169.254.169.254', port: 80 } }];
      const { skipped } = await failedResult<EncryptVolumesResult>(
        migrations().encrypt({ instanceIds: [instanceId], healthChecks }),
        FAILURE.allFailed,
      );
      expect(skipped.items[0]?.reasons.join()).toContain(
        'would reach 169.254.169.254, which HOLDFAST_CHECK_HOSTS',
      );
      expect(proxy.mutations()).toEqual([]);
    } finally {
      delete settings.checkHosts;
    }
  });

  it('are refused before any call where they say nothing that can be done', async () => {
    const healthChecks = [{ tcp: { port: 70_000 } }, { command: ['true'], retries: 3 }];
    const message = await expectFailure(
      migrations().encrypt({ instanceIds: ['i-0123456789abcdef0'], healthChecks }),
      FAILURE.invalidInput,
    );
    expect(message).toContain('healthChecks[0].tcp.port: a port is between 1 and 65535');
    expect(message).toContain('healthChecks[1].retries: not a field of this input');
    expect(migrations().world.proxy.calls).toEqual([]);
  });

  it('work without the workflow cache', async () => {
    await migrations().world.stopWorker();
    await migrations().world.startWorker({ cache: false });
    const instanceId = await machine();
    const before = await migrations().stateOf(instanceId);
    const healthChecks = [{ http: { port, host: HOST } }, COMMAND];
    await opened().aws.control.post('faults', { ...CHECKS, effect: { fails: 'inactive' } });
    await expectFailure(inShortTime(instanceId, healthChecks), FAILURE.rolledBack);
    expect(await migrations().stateOf(instanceId)).toEqual(before);
    await opened().aws.control.delete('faults');
    await migrations().encrypt({ instanceIds: [instanceId], healthChecks });
    expect(await rowsOf(instanceId)).toMatchObject([{ state: 'passed' }, { state: 'passed' }]);
  });
});

function listening(server: net.Server): Promise<number> {
  return new Promise((resolve) => {
    server.listen(0, HOST, () => resolve((server.address() as AddressInfo).port));
  });
}

async function portThatNobodyHas(): Promise<number> {
  const server = net.createServer();
  const port = await listening(server);
  await new Promise((resolve) => server.close(resolve));
  return port;
}
