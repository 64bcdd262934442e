import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import type { WorkflowHandle } from '@temporalio/client';
import { stringify } from 'yaml';
import type { Settings } from '../../src/activities/support/deps';
import type { AwsProxy } from './awsProxy';
import { compileSources, removeCompiled } from './compiled';
import { shared } from './shared';
import { awsEnvironment, type World } from './world';

const READY_WITHIN_MS = 30_000;

const SETTINGS = 'settings.cjs';
/** More than a busy machine takes to fetch a task. */
const STICKY_MS = 2_000;

/** The real worker, src/worker.ts, as processes that a test starts and kills. */
export class WorkerProcesses {
  private readonly children: ChildProcess[] = [];

  private constructor(
    private readonly compiled: string,
    private readonly folder: string,
    private readonly environment: Record<string, string>,
  ) {}

  /**
   * Prepares processes for this world's Temporal server and accounts, through its AWS proxy.
   *
   * @param settings change what the worker waits for; without them it looks often, because the local AWS's clock runs
   * fast, and waits out the read lag of production
   */
  static async prepare(
    world: World,
    settings: Partial<Settings> = { pollMs: 500 },
  ): Promise<WorkerProcesses> {
    const compiled = await compileSources();
    const folder = await mkdtemp(path.join(tmpdir(), 'holdfast-e2e-'));
    const accounts = path.join(folder, 'accounts.yaml');
    await writeFile(accounts, stringify(world.accounts));
    await writeFile(path.join(folder, SETTINGS), settingsModule(compiled, settings));
    return new WorkerProcesses(compiled, folder, {
      ...awsEnvironment(world.home, world.proxy.endpoint),
      AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED: 'true',
      HOME: folder,
      PATH: process.env.PATH ?? '',
      TEMPORAL_ADDRESS: world.temporal.address,
      TEMPORAL_NAMESPACE: world.temporal.namespace ?? 'default',
      HOLDFAST_ACCOUNTS: accounts,
      HOLDFAST_EVIDENCE: path.join(folder, 'evidence'),
      HOLDFAST_MANIFESTS: path.join(folder, 'manifests'),
      HOLDFAST_WORKFLOW_BUNDLE: shared('bundle'),
      HOLDFAST_API_SHARE: '1',
    });
  }

  /** Starts one and waits until it polls. */
  async start(more: Record<string, string> = {}): Promise<ChildProcess> {
    const child = this.spawn(more);
    await ready(child);
    return child;
  }

  /** The one that runs already, or else a new one. */
  async standing(): Promise<ChildProcess> {
    return this.children.find(isAlive) ?? (await this.start());
  }

  /** Runs one that ends by itself; returns its exit code and what it said on stderr. */
  async run(more: Record<string, string>): Promise<{ code: unknown; said: string }> {
    const child = this.spawn(more);
    let said = '';
    child.stdout?.resume();
    child.stderr?.on('data', (chunk: Buffer) => (said += chunk.toString()));
    const [code] = (await once(child, 'close')) as unknown[];
    return { code, said };
  }

  /** A compiled module, for settings that name one: `src/temporal/encryptedPayloads.js`. */
  compiledModule(relative: string): string {
    return path.join(this.compiled, relative);
  }

  /** SIGKILL: no goodbye, no last heartbeat. Resolves when the process is gone. */
  async kill(child: ChildProcess): Promise<void> {
    if (!isAlive(child)) return;
    const gone = once(child, 'exit');
    child.kill('SIGKILL');
    await gone;
  }

  /** Starts a run; its worker dies when a call has taken effect and nobody knows it, and another one takes over. */
  async killedAt(
    proxy: AwsProxy,
    action: string,
    start: () => Promise<WorkflowHandle>,
    nth = 1,
  ): Promise<WorkflowHandle> {
    const worker = await this.standing();
    const gone = once(worker, 'exit');
    proxy.fault(action, { held: () => this.kill(worker) }, nth);
    const handle = await start();
    await gone;
    await this.start();
    return handle;
  }

  async killAll(): Promise<void> {
    await Promise.all(this.children.map((child) => this.kill(child)));
  }

  private spawn(more: Record<string, string>): ChildProcess {
    const preloaded = ['--require', path.join(this.folder, SETTINGS)];
    const child = spawn(process.execPath, [...preloaded, path.join(this.compiled, 'src/worker.js')], {
      env: { ...this.environment, ...more },
      cwd: this.folder,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.children.push(child);
    const stop = () => child.kill('SIGKILL');
    process.once('exit', stop);
    child.once('exit', () => process.removeListener('exit', stop));
    return child;
  }

  async close(): Promise<void> {
    await this.killAll();
    await rm(this.folder, { recursive: true, force: true });
    await removeCompiled(this.compiled);
  }
}

/**
 * Runs before src/worker.ts, which has no switch for tests. Whoever is killed unsubscribes from nothing: for ten seconds the server
 * would offer the workflow tasks of its runs to it alone.
 */
function settingsModule(compiled: string, settings: Partial<Settings>): string {
  const deps = JSON.stringify(path.join(compiled, 'src/activities/support/deps.js'));
  const sdk = JSON.stringify(require.resolve('@temporalio/worker'));
  return [
    `Object.assign(require(${deps}).DEFAULT_SETTINGS, ${JSON.stringify(settings)});`,
    `const { Worker } = require(${sdk});`,
    `const create = Worker.create.bind(Worker);`,
    `Worker.create = (options) => create({ ...options, stickyQueueScheduleToStartTimeout: ${STICKY_MS} });`,
  ].join('\n');
}

function isAlive(child: ChildProcess): boolean {
  return child.exitCode === null && child.signalCode === null;
}

function ready(child: ChildProcess): Promise<void> {
  return new Promise((resolve, reject) => {
    const said: string[] = [];
    const fail = (why: string) => {
      clearTimeout(timer);
      child.kill('SIGKILL');
      reject(new Error(`the worker ${why}:\n${said.join('\n')}`));
    };
    const timer = setTimeout(() => fail('was not ready in time'), READY_WITHIN_MS);
    child.once('error', (error) => fail(error.message));
    const onExit = (code: number | null) => fail(`exited with ${code}`);
    child.once('exit', onExit);
    for (const stream of [child.stdout, child.stderr]) {
      if (!stream) continue;
      createInterface({ input: stream }).on('line', (line) => {
        if (said.length < 100) said.push(line);
        if (!line.includes('"worker ready"')) return;
        clearTimeout(timer);
        child.removeListener('exit', onExit);
        resolve();
      });
    }
  });
}
