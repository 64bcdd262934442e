import { execFile, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { pythonProgram } from '../support/paths';
import { awaitResult } from '../support/awaitResult';
import { aKey } from '../support/seed';
import { aWorld, type World } from '../support/world';
import { until } from '../support/until';
import { WorkerProcesses } from '../support/workerProcess';

describe('the worker process', () => {
  let world: World;
  let workers: WorkerProcesses;

  beforeAll(async () => {
    world = await aWorld({ worker: false });
    workers = await WorkerProcesses.prepare(world);
  });
  afterAll(async () => {
    await workers.close();
    await world.close();
  });
  beforeEach(() => world.proxy.reset());

  interface Line {
    msg: string;
    level: string;
    [field: string]: unknown;
  }

  /** Log lines from now on; they are JSON, or this throws. */
  function linesOf(child: ChildProcess): Line[] {
    const lines: Line[] = [];
    if (!child.stdout) throw new Error('no stdout');
    createInterface({ input: child.stdout }).on('line', (line) => lines.push(JSON.parse(line) as Line));
    return lines;
  }

  async function freePort(): Promise<number> {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    server.close();
    await once(server, 'close');
    return port;
  }

  async function exit(child: ChildProcess, signal: NodeJS.Signals): Promise<unknown> {
    const gone = once(child, 'close') as Promise<unknown[]>;
    child.kill(signal);
    return (await gone)[0];
  }

  it.each([
    ['HOLDFAST_API_SHARE', 'half'],
    ['HOLDFAST_ACCOUNTS', '/nowhere/accounts.yaml'],
    ['HOLDFAST_DATA_CONVERTER', './no-such-module.js'],
    ['TEMPORAL_ADDRESS', '127.0.0.1:1'],
  ])('does not start with %s=%s: one line says why', async (variable, value) => {
    const { code, said } = await workers.run({ [variable]: value });
    expect(code).toBe(2);
    expect(said).toMatch(new RegExp(`^holdfast worker: ${variable}: [^\\n]+\\n$`));
  });

  it('does not start without search attributes; the command that it prints registers them', async () => {
    const namespace = 'bare';
    await world.client.workflowService.registerNamespace({
      namespace,
      workflowExecutionRetentionPeriod: { seconds: 86_400 as never },
    });
    const start = () => workers.run({ TEMPORAL_NAMESPACE: namespace });
    // The server's own caches may not know the namespace for a moment.
    let refused = await start();
    for (let tries = 0; tries < 20 && !refused.said.includes('search attribute'); tries++) {
      await sleep(500);
      refused = await start();
    }
    expect(refused.code).toBe(2);
    const command = /(temporal operator search-attribute create .*)\n$/.exec(refused.said)?.[1] ?? '';
    expect(command).toContain('--name HoldfastResource --type KeywordList');
    const [, ...args] = command.split(' ');
    await promisify(execFile)(pythonProgram('temporal'), args);
    const worker = await workers.start({ TEMPORAL_NAMESPACE: namespace });
    expect(await exit(worker, 'SIGINT')).toBe(0);
  });

  it('shows Temporal’s metrics and its own on one port, and says when the port is taken', async () => {
    const HOLDFAST_METRICS_PORT = String(await freePort());
    const worker = await workers.start({ HOLDFAST_METRICS_PORT });
    const key = await aKey(world.home);
    await awaitResult(await world.start('enableEncryptionByDefault', { kmsKeyIds: { 'us-east-1': key } }));
    const metrics = await (await fetch(`http://127.0.0.1:${HOLDFAST_METRICS_PORT}/metrics`)).text();
    const { accountId } = world.home;
    expect(metrics).toMatch(
      new RegExp(
        `^holdfast_aws_calls\\{[^}]*account="${accountId}"[^}]*action="DescribeKey"[^}]*outcome="ok".* 1$`,
        'm',
      ),
    );
    expect(metrics).toMatch(/^temporal_workflow_completed\{/m);
    const { code, said } = await workers.run({ HOLDFAST_METRICS_PORT });
    expect(code).toBe(2);
    expect(said).toMatch(/^holdfast worker: HOLDFAST_METRICS_PORT: [^\n]+\n$/);
    expect(await exit(worker, 'SIGTERM')).toBe(0);
  });

  it('finishes what it is doing on SIGTERM, ends with 0, and logs JSON with the ids of the run', async () => {
    const worker = await workers.start();
    const lines = linesOf(worker);
    const key = await aKey(world.home);
    world.proxy.fault('EnableEbsEncryptionByDefault', { delay: 1_500 });
    const handle = await world.start('enableEncryptionByDefault', { kmsKeyIds: { 'us-east-1': key } });
    await until(() => world.proxy.callsOf('EnableEbsEncryptionByDefault').length > 0);
    expect(await exit(worker, 'SIGTERM')).toBe(0);
    expect(lines.map(({ msg }) => msg)).toEqual(
      expect.arrayContaining([expect.stringContaining('draining'), 'worker stopped']),
    );

    const next = await workers.start({ HOLDFAST_LOG_LEVEL: 'debug' });
    const nextLines = linesOf(next);
    await awaitResult(handle);
    expect(world.proxy.callsOf('EnableEbsEncryptionByDefault')).toHaveLength(1);
    expect(await exit(next, 'SIGTERM')).toBe(0);
    const { runId } = await handle.describe();
    expect(nextLines).toContainEqual(
      expect.objectContaining({
        msg: 'Activity started',
        workflowId: handle.workflowId,
        runId,
        workflowType: 'enableEncryptionByDefault',
        activityType: 'recordEvidence',
        activityId: expect.any(String) as string,
      }),
    );
  });

  it('ends at once on a second signal, but not on the echo of the first', async () => {
    const worker = await workers.start();
    const key = await aKey(world.home);
    world.proxy.fault('GetEbsEncryptionByDefault', { delay: 4_000 }, 1);
    const handle = await world.start('enableEncryptionByDefault', { kmsKeyIds: { 'us-east-1': key } });
    await until(() => world.proxy.callsOf('GetEbsEncryptionByDefault').length > 0);
    worker.kill('SIGINT');
    worker.kill('SIGINT');
    await sleep(1_500);
    expect(worker.exitCode).toBeNull();
    expect(await exit(worker, 'SIGINT')).toBe(1);
    await handle.terminate();
  });
});
