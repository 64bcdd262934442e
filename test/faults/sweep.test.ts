import { isMutation } from '../support/awsProxy';
import type { CrashName } from './crashes';
import { LATER_PATHS, PATHS, type Path } from './paths';
import { RUN_FAULTS, wrongs, type CallFault, type FaultName, type Played } from './player';
import { sample } from './sample';
import { STRATEGIES } from '../support/migration';
import { Sweep } from './sweep';

/** `npm run test:sweep` plays everything; `npm test` what its time allows. */
const ALL = process.env.HOLDFAST_SWEEP === 'all';
const SEED = Number(process.env.HOLDFAST_SWEEP_SEED ?? 1);
/** Only paths whose names match: recording all takes minutes. */
const ONLY = new RegExp(process.env.HOLDFAST_SWEEP_PATHS ?? '');
/** Only calls whose names match, `DetachVolume 2`: to play one again. */
const ONLY_CALLS = new RegExp(process.env.HOLDFAST_SWEEP_CALLS ?? '');
/** Of the calls of undos, and of the points where something dies. */
const SAMPLE = 10;
const LONG_MS = ALL ? 3_600_000 : 240_000;

const FIRST = PATHS.filter(({ name }) => ONLY.test(name));
const UNDONE = FIRST.filter(({ refused }) => refused);
const THROUGH = FIRST.filter(({ refused }) => !refused);
const CRASHES: CrashName[] = ['killed', 'restarted'];
const CALLS: CallFault[] = ['refused', 'failing', 'lost'];
/** What comes after a first run, by one strategy: to record a path takes as long as to play it twice. */
const strategy = STRATEGIES[SEED % STRATEGIES.length];
const LATER = LATER_PATHS.filter(({ name }) => ONLY.test(name)).filter(
  (path) => ALL || (path.strategy === strategy && !path.served),
);

describe('a migration ends fully migrated, or exactly as before', () => {
  let sweep: Sweep;

  beforeAll(async () => {
    sweep = await Sweep.open([...FIRST, ...LATER], ONLY_CALLS);
  }, 900_000);
  afterAll(async () => {
    await sweep.close();
    if (ALL) process.stdout.write(`\nseed ${SEED}\n${sweep.report.toString()}\n`);
  });

  async function timed(name: string, fault: FaultName, play: () => Promise<Played[]>): Promise<void> {
    const began = Date.now();
    const played = await play();
    sweep.report.add(name, fault, played, (Date.now() - began) / 1000);
    expect(wrongs(played)).toEqual([]);
  }

  const each = <Fault extends FaultName>(paths: readonly Path[], faults: readonly Fault[]) =>
    paths.flatMap((path) => faults.map((fault) => [path.name, fault, path] as const));

  if (ALL) {
    it.each(each<CallFault>([...FIRST, ...LATER], CALLS))(
      'by %s, with any call %s',
      (name, fault, path) => timed(name, fault, () => sweep.break(sweep.trials(path, fault))),
      LONG_MS,
    );
    it.each(each([...FIRST, ...LATER], RUN_FAULTS))(
      'by %s, %s at any call',
      (name, fault, path) => timed(name, fault, () => sweep.stop(sweep.trials(path, fault))),
      LONG_MS,
    );
    it.each(each([...FIRST, ...LATER], CRASHES))(
      'by %s, %s at any call',
      (name, fault, path) => timed(name, fault, () => sweep.crash(sweep.trials(path, fault))),
      LONG_MS,
    );
    return;
  }

  it.each(each(THROUGH, ['refused']))(
    'by %s, with any call %s',
    (name, fault, path) => timed(name, fault, () => sweep.break(sweep.trials(path, fault))),
    LONG_MS,
  );
  it.each(each(THROUGH, ['lost']))(
    'by %s, with the answer to any change %s',
    (name, fault, path) =>
      timed(name, fault, () =>
        sweep.break(sweep.trials(path, fault).filter(({ point }) => isMutation(point))),
      ),
    LONG_MS,
  );
  it(
    'with the answer to every read lost, by turns',
    () => timed('all', 'lost', () => sweep.loseReads(THROUGH)),
    LONG_MS,
  );
  it.each(RUN_FAULTS)(
    '%s somewhere',
    (fault) => {
      const trials = [FIRST, LATER].map((paths) => paths.flatMap((path) => sweep.trials(path, fault)));
      const some = trials.flatMap((all) => sample(all, SAMPLE, SEED));
      return timed('all', fault, () => sweep.stop(some));
    },
    LONG_MS,
  );
  it(
    'after a first run, with a call broken',
    () => {
      const trials = LATER.flatMap((path) => CALLS.flatMap((fault) => sweep.trials(path, fault)));
      return timed('later', 'lost', () => sweep.break(sample(trials, SAMPLE, SEED)));
    },
    LONG_MS,
  );
  it.each(CALLS)(
    'undone, with a call %s again',
    (fault) => {
      const trials = UNDONE.flatMap((path) => sweep.trials(path, fault));
      return timed('undone', fault, () => sweep.break(sample(trials, SAMPLE, SEED)));
    },
    LONG_MS,
  );
  it.each(CRASHES)(
    '%s somewhere',
    (fault) => {
      const trials = FIRST.flatMap((path) => sweep.trials(path, fault));
      return timed('all', fault, () => sweep.crash(sample(trials, SAMPLE, SEED)));
    },
    LONG_MS,
  );
});
