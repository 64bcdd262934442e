import { isDeepStrictEqual } from 'node:util';
import { aWorld, type World } from '../support/world';
import { Crashes, type CrashName } from './crashes';
import { inLanes, Lane, LANE_ROLE, READ_TURNS } from './lane';
import type { Path, Point } from './paths';
import {
  play,
  playReads,
  playStopped,
  type CallFault,
  type FaultName,
  type Played,
  type RunFault,
  type Trial,
} from './player';
import { mutationsIn, nameOf, pointsOf, record, type Recording } from './recorder';
import { Report } from './report';

/** Migrations that are played side by side; other ways through a migration are swept beside this one. */
export const LANES = 4;
/** Without the workflow cache each computes as much as several: more would outlive the limits of workflow tasks. */
const RECORDED_AT_ONCE = 2;

/** Paths, recorded; and what plays faults at its calls. */
export class Sweep {
  readonly report = new Report();
  private readonly points = new Map<string, Point[]>();
  private crashing: Crashes | undefined;

  private constructor(
    private readonly world: World,
    private readonly lanes: readonly Lane[],
    private readonly only: RegExp,
  ) {}

  /**
   * Records each path twice: without the workflow cache, and with it.
   *
   * @param only calls with such names are broken
   */
  static async open(paths: readonly Path[], only: RegExp): Promise<Sweep> {
    const world = await aWorld({ cache: false, anyAccount: LANE_ROLE });
    const lanes = await Promise.all(Array.from({ length: LANES }, () => Lane.open(world)));
    const sweep = new Sweep(world, lanes, only);
    try {
      await sweep.recordAll(paths);
    } catch (error) {
      await sweep.close();
      throw error;
    }
    return sweep;
  }

  pointsOf({ name }: Path): Point[] {
    return (this.points.get(name) ?? []).filter((point) => this.only.test(nameOf(point)));
  }

  trials<Name extends FaultName>(path: Path, fault: Name): Trial<Name>[] {
    return this.pointsOf(path).map((point) => ({ path, point, fault }));
  }

  /** A refused, failing or lost call in each of the trials. */
  async break(trials: readonly Trial<CallFault>[]): Promise<Played[]> {
    return inLanes(this.lanes, trials, (lane, trial) => play(this.world.client, lane, trial));
  }

  /** Runs that are cancelled or terminated. */
  async stop(trials: readonly Trial<RunFault>[]): Promise<Played[]> {
    return inLanes(this.lanes, trials, (lane, trial) => playStopped(this.world.client, lane, trial));
  }

  /** Every read of each path loses its answer, many of them in one migration. */
  async loseReads(paths: readonly Path[]): Promise<Played[]> {
    const turns = Array.from({ length: READ_TURNS }, (_, index) => index + 1);
    const trials = paths.flatMap((path) => turns.map((turn) => ({ path, turn })));
    return inLanes(this.lanes, trials, (lane, { path, turn }) =>
      playReads(this.world.client, lane, path, turn),
    );
  }

  /** A killed worker or server in each of the trials; neighbours share one. */
  async crash(trials: readonly Trial<CrashName>[]): Promise<Played[]> {
    this.crashing ??= await Crashes.open(this.world);
    const played: Played[] = [];
    for (let at = 0; at < trials.length; at += LANES)
      played.push(...(await this.crashing.play(this.lanes, trials.slice(at, at + LANES))));
    return played;
  }

  async close(): Promise<void> {
    for (const lane of this.lanes) lane.close();
    await this.crashing?.close();
    await this.world.close();
  }

  private async recordAll(paths: readonly Path[]): Promise<void> {
    const uncached = await this.recordings(paths);
    await this.world.stopWorker();
    await this.world.startWorker();
    const cached = await this.recordings(paths);
    cached.forEach((recording, index) => this.learn(recording, uncached[index]));
  }

  private recordings(paths: readonly Path[]): Promise<Recording[]> {
    return inLanes(this.lanes.slice(0, RECORDED_AT_ONCE), paths, (lane, path) =>
      record(this.world.client, lane, path),
    );
  }

  private learn(cached: Recording, uncached: Recording | undefined): void {
    const { name } = cached.path;
    if (!uncached || !isDeepStrictEqual(mutationsIn(cached), mutationsIn(uncached)))
      throw new Error(`${name} makes other changes without the workflow cache`);
    this.points.set(name, pointsOf(cached, [uncached]));
  }
}
