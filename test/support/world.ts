import { randomUUID } from 'node:crypto';
import type { Client, Workflow, WorkflowHandle } from '@temporalio/client';
import type { TestWorkflowEnvironment } from '@temporalio/testing';
import { createActivities, type Activities } from '../../src/activities';
import type { ActivityDeps, Settings } from '../../src/activities/support/deps';
import { REAL_WAITS } from '../../src/activities/support/pace/waits';
import type { AccountsFile } from '../../src/aws/accounts';
import { AwsSessions } from '../../src/aws/sessions';
import { TASK_QUEUE } from '../../src/model/names';
import type { Notification } from '../../src/model/notification';
import type { Heartbeat } from '../../src/telemetry/heartbeats';
import { accountsFile, anAccount, HOME_REGION, type TestAccount } from './accounts';
import { awaitResult } from './awaitResult';
import { AwsProxy } from './awsProxy';
import { MemoryStore } from './memoryStore';
import { shared } from './shared';
import { TEST_LIMITS, type TestLimits } from './shortenTimeouts';
import { devServer, timeSkippingServer } from './temporal';
import { startWorker, type RunningWorker } from './worker';

/** Regions that every test account may use. */
export const REGIONS = [HOME_REGION, 'eu-west-1', 'ap-southeast-1'];

/** What a test waits for: everything is next door. */
export const FAST: Settings = { readLagMs: 50, pollMs: 25 };

export interface WorldOptions {
  /** A server that skips time, instead of a dev server: for soaks and windows. No Schedules, no visibility. */
  timeSkipping?: boolean;
  /** Events after which the server suggests to continue as new. */
  suggestContinueAsNewAfter?: number;
  /** Endpoint of a local AWS of the test's own, instead of the one that all share. */
  aws?: string;
  /** False turns the workflow cache off. */
  cache?: boolean;
  /** Accounts that the file does not name may be worked in through a role of this name. */
  anyAccount?: string;
  /** How many more accounts the accounts file names, with a role each. */
  otherAccounts?: number;
  settings?: Partial<Settings>;
  /** Replaces activities: for what the local AWS cannot do. */
  override?: (activities: Activities, deps: ActivityDeps) => Partial<Activities>;
  /** False leaves the worker to the test, which may run it as a process of its own. */
  worker?: boolean;
}

export interface StartOptions {
  workflowId?: string;
  limits?: TestLimits;
}

/**
 * A world of one test file: its own Temporal server, accounts that nobody else uses on the shared local AWS, a proxy
 * before it that records and breaks calls, and a worker on both task queues. End it with `close()` in afterAll.
 */
export class World {
  readonly clock = { offset: 0, now: () => Date.now() + this.clock.offset };

  /** What alarms and people were told. */
  readonly heartbeats: Heartbeat[] = [];
  readonly notifications: Notification[] = [];

  private readonly started: WorkflowHandle[] = [];

  constructor(
    readonly temporal: TestWorkflowEnvironment,
    readonly home: TestAccount,
    readonly others: TestAccount[],
    readonly proxy: AwsProxy,
    readonly accounts: AccountsFile,
    readonly sessions: AwsSessions,
    readonly manifests: MemoryStore,
    readonly evidence: MemoryStore,
    readonly settings: Settings,
    private worker?: RunningWorker,
  ) {}

  get client(): Client {
    return this.temporal.client;
  }

  get deps(): ActivityDeps {
    return {
      aws: this.sessions,
      temporal: this.client,
      manifests: this.manifests,
      evidence: this.evidence,
      heartbeats: { beat: (heartbeat) => Promise.resolve(void this.heartbeats.push(heartbeat)) },
      notifier: { send: (notification) => Promise.resolve(void this.notifications.push(notification)) },
      calendar: this.clock,
      waits: REAL_WAITS,
      settings: this.settings,
    };
  }

  async startWorker({ cache, override }: Pick<WorldOptions, 'cache' | 'override'> = {}): Promise<void> {
    const activities = createActivities(this.deps);
    Object.assign(activities, override?.(activities, this.deps));
    this.worker = await startWorker(this.temporal, { activities, cache });
  }

  async stopWorker(): Promise<void> {
    await this.worker?.stop();
    this.worker = undefined;
  }

  /** Starts a workflow by type, as the CLI would; the input may be wrong on purpose. */
  async start<W extends Workflow = Workflow>(
    type: string,
    input: unknown,
    { workflowId = `${type}-${randomUUID()}`, limits }: StartOptions = {},
  ): Promise<WorkflowHandle<W>> {
    const handle = await this.client.workflow.start(type, {
      args: [input],
      taskQueue: TASK_QUEUE,
      workflowId,
      ...(limits && { memo: { [TEST_LIMITS]: limits } }),
    });
    this.started.push(handle);
    return handle as WorkflowHandle<W>;
  }

  /** Starts a workflow and waits for its result. */
  async run<Result>(type: string, input: unknown, options: StartOptions = {}): Promise<Result> {
    return awaitResult(await this.start(type, input, options));
  }

  async close(): Promise<void> {
    // Who still awaits a result gets an answer before the connection closes.
    await Promise.allSettled(this.started.map((handle) => handle.terminate('the test is over')));
    await this.stopWorker();
    await this.temporal.teardown();
    this.sessions.destroy();
    for (const account of [this.home, ...this.others]) account.destroy();
    await this.proxy.stop();
  }
}

export async function aWorld(options: WorldOptions = {}): Promise<World> {
  const upstream = options.aws ?? shared('awsEndpoint');
  const [temporal, home, others, proxy] = await Promise.all([
    options.timeSkipping ? timeSkippingServer() : devServer(options.suggestContinueAsNewAfter),
    anAccount(upstream),
    Promise.all(Array.from({ length: options.otherAccounts ?? 0 }, () => anAccount(upstream))),
    AwsProxy.start(upstream),
  ]);
  actAs(home, proxy.endpoint);
  const accounts = accountsFile(home, others, REGIONS, options.anyAccount);
  const sessions = new AwsSessions({ region: HOME_REGION, accounts });
  const settings = { ...FAST, ...options.settings };
  const stores = [new MemoryStore(), new MemoryStore()] as const;
  const world = new World(temporal, home, others, proxy, accounts, sessions, ...stores, settings);
  if (options.worker !== false) await world.startWorker(options);
  return world;
}

/** What the worker's environment would hold: its own credentials and the endpoint. */
export function awsEnvironment({ credentials }: TestAccount, endpoint: string): Record<string, string> {
  return {
    AWS_ENDPOINT_URL: endpoint,
    AWS_REGION: HOME_REGION,
    AWS_ACCESS_KEY_ID: credentials.accessKeyId,
    AWS_SECRET_ACCESS_KEY: credentials.secretAccessKey,
    AWS_SESSION_TOKEN: credentials.sessionToken ?? '',
    AWS_EC2_METADATA_DISABLED: 'true',
    AWS_CONFIG_FILE: '/dev/null',
    AWS_SHARED_CREDENTIALS_FILE: '/dev/null',
  };
}

function actAs(account: TestAccount, endpoint: string): void {
  delete process.env.AWS_PROFILE;
  Object.assign(process.env, awsEnvironment(account, endpoint));
}
