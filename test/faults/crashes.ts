import { Client, Connection } from '@temporalio/client';
import type { ChildProcess } from 'node:child_process';
import { TemporalProcess } from '../support/temporalProcess';
import { WorkerProcesses } from '../support/workerProcess';
import { FAST, type World } from '../support/world';
import { followed } from './follow';
import type { Lane } from './lane';
import { ended, type Played, type Trial } from './player';

export type CrashName = 'killed' | 'restarted';

const PATIENCE_MS = 120_000;
/** The AWS SDK waits ten seconds for an answer: whoever holds one up for others must let go before. */
const GATHER_MS = 6_000;
/** What a dead worker had in hand is noticed after these; longer than a call may be held. */
const LIMITS = { startToClose: 12_000, heartbeat: 10_000 };

/**
 * Kills of workers and servers. Starting a process costs more than a migration, so each crash serves many: every one
 * of them has made the call at its own point, and waits for the answer, when the process dies.
 */
export class Crashes {
  private constructor(
    private readonly temporal: TemporalProcess,
    private readonly workers: WorkerProcesses,
    private readonly connection: Connection,
    private worker: ChildProcess,
  ) {}

  static async open(world: World): Promise<Crashes> {
    const temporal = await TemporalProcess.start();
    const workers = await WorkerProcesses.prepare(world, FAST);
    const connection = await Connection.connect({ address: temporal.address });
    const worker = await workers.start({ TEMPORAL_ADDRESS: temporal.address });
    return new Crashes(temporal, workers, connection, worker);
  }

  /** As many migrations as there are lanes, and one crash. */
  async play(lanes: readonly Lane[], trials: readonly Trial<CrashName>[]): Promise<Played[]> {
    const pairs = trials.map((trial, index) => ({ trial, lane: nth(lanes, index) }));
    const client = new Client({ connection: this.connection });
    const subjects = await Promise.all(
      pairs.map(async ({ lane, trial }) => lane.prepared(client, await lane.subject(), trial.path, LIMITS)),
    );
    const gathering = new Gathering(pairs.length, () => this.crash(trials[0]?.fault));
    const played = await Promise.all(
      pairs.map(async ({ trial, lane }, index) => {
        const subject = nth(subjects, index);
        lane.arm(trial.path, trial.point, { held: () => gathering.arrived() });
        const handle = await lane.begin(client, subject, trial.path, LIMITS);
        return ended(lane, subject, trial, await followed(client, handle, trial.path, PATIENCE_MS));
      }),
    );
    await gathering.over();
    return played;
  }

  async close(): Promise<void> {
    await this.connection.close();
    await this.workers.close();
    await this.temporal.close();
  }

  /** Answers when the process is gone; it comes back meanwhile. */
  private async crash(fault: CrashName | undefined): Promise<{ back: Promise<void> }> {
    if (fault === 'restarted') {
      await this.temporal.kill();
      return { back: this.temporal.startAgain() };
    }
    await this.workers.kill(this.worker);
    return { back: this.replaceWorker() };
  }

  private async replaceWorker(): Promise<void> {
    this.worker = await this.workers.start({ TEMPORAL_ADDRESS: this.temporal.address });
  }
}

/** Those who wait for the same crash. It comes when all are there, or when the first has waited for long enough. */
class Gathering {
  private present = 0;
  private begin: () => void = () => undefined;
  private readonly crashed: Promise<{ back: Promise<void> }>;
  private timer: NodeJS.Timeout | undefined;

  constructor(
    private readonly expected: number,
    crash: () => Promise<{ back: Promise<void> }>,
  ) {
    this.crashed = new Promise<void>((resolve) => (this.begin = resolve)).then(crash);
  }

  async arrived(): Promise<void> {
    this.present += 1;
    this.timer ??= setTimeout(() => this.begin(), GATHER_MS);
    if (this.present === this.expected) this.begin();
    await this.crashed;
  }

  async over(): Promise<void> {
    clearTimeout(this.timer);
    if (this.present > 0) await (await this.crashed).back;
  }
}

function nth<Item>(items: readonly Item[], index: number): Item {
  const item = items[index];
  if (item === undefined) throw new Error(`there are fewer than ${index + 1}`);
  return item;
}
