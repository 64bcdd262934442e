import { isMutation } from '../support/awsProxy';
import type { CrashName } from './crashes';
import { PATHS } from './paths';
import { wrongs, type CallFault, type FaultName, type Played } from './player';
import { sample } from './sample';
import { Sweep } from './sweep';

/** `npm run test:sweep` plays everything; `npm test` what its time allows. */
const ALL = process.env.HOLDFAST_SWEEP === 'all';
const SEED = Number(process.env.HOLDFAST_SWEEP_SEED ?? 1);
/** Of the calls of undos, and of the points where something dies. */
const SAMPLE = 10;
const LONG_MS = ALL ? 3_600_000 : 240_000;

const UNDONE = PATHS.filter(({ refused }) => refused);
const THROUGH = PATHS.filter(({ refused }) => !refused);
const CRASHES: CrashName[] = ['killed', 'restarted'];

describe('a migration ends fully migrated, or exactly as before', () => {
  let sweep: Sweep;

  beforeAll(async () => {
    sweep = await Sweep.open();
  }, 180_000);
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

  const each = <Fault extends FaultName>(paths: typeof PATHS, faults: readonly Fault[]) =>
    paths.flatMap((path) => faults.map((fault) => [path.name, fault, path] as const));

  if (ALL) {
    it.each(each<CallFault>(PATHS, ['refused', 'failing', 'lost']))(
      'by %s, with any call %s',
      (name, fault, path) => timed(name, fault, () => sweep.break(sweep.trials(path, fault))),
      LONG_MS,
    );
    it.each(each(PATHS, CRASHES))(
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
  it.each(['refused', 'failing', 'lost'] as const)(
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
      const trials = PATHS.flatMap((path) => sweep.trials(path, fault));
      return timed('all', fault, () => sweep.crash(sample(trials, SAMPLE, SEED)));
    },
    LONG_MS,
  );
});
