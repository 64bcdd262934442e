import { isMutation } from '../support/awsProxy';
import { STRATEGIES } from '../support/migration';
import type { CrashName } from './crashes';
import { laterPaths, undonePath, WAYS, type Path } from './paths';
import { RUN_FAULTS, wrongs, type CallFault, type FaultName, type Played } from './player';
import { sample } from './sample';
import { Sweep } from './sweep';

/** `npm run test:sweep` plays everything; `npm test` what its time allows. */
const ALL = process.env.HOLDFAST_SWEEP === 'all';
const SEED = Number(process.env.HOLDFAST_SWEEP_SEED ?? 1);
/** Only paths whose names match: recording all takes minutes. */
const ONLY = new RegExp(process.env.HOLDFAST_SWEEP_PATHS ?? '');
/** Only calls whose names match, `DetachVolume 2`: to play one again. */
const ONLY_CALLS = new RegExp(process.env.HOLDFAST_SWEEP_CALLS ?? '');

/** Of a way: so many of its calls are refused, and the answers to so many of its changes are lost. */
const CALLS_OF_WAY = 6;
/** Of those where the run is stopped, where something dies, and of an undo. */
const FEW = 2;
/** Of all that comes after a first run. */
const LATER_CALLS = 6;
const LONG_MS = ALL ? 3_600_000 : 240_000;

const CRASHES: CrashName[] = ['killed', 'restarted'];
const CALLS: CallFault[] = ['refused', 'failing', 'lost'];
/** What comes after a first run, by one strategy: to record a path takes as long as to play it twice. */
const later = STRATEGIES[SEED % STRATEGIES.length];

/** Faults at the calls of one way through a migration, and of what may come after it. */
export function swept(name: keyof typeof WAYS): void {
  const isNamed = (path: Path) => ONLY.test(path.name);
  const [through, undone] = [[WAYS[name]].filter(isNamed), [undonePath(WAYS[name])].filter(isNamed)];
  const first = [...through, ...undone];
  const after = laterPaths(WAYS[name]).filter((path) => isNamed(path) && (ALL || name === later));
  const paths = [...first, ...after];

  describe(`by ${name}, a migration ends fully migrated, or exactly as before`, () => {
    if (paths.length === 0) return void it.skip('has no path of that name', () => undefined);
    let sweep: Sweep;

    beforeAll(async () => {
      sweep = await Sweep.open(paths, ONLY_CALLS);
    }, 1_800_000);
    afterAll(async () => {
      await sweep.close();
      if (ALL) process.stdout.write(`\nseed ${SEED}\n${sweep.report.toString()}\n`);
    });

    const of = <Fault extends FaultName>(played: readonly Path[], fault: Fault) =>
      played.flatMap((path) => sweep.trials(path, fault));
    const some = <Item>(items: readonly Item[], count: number) => sample(items, count, SEED);

    function test(title: string, row: [string, FaultName], play: () => Promise<Played[]>): void {
      it(
        title,
        async () => {
          const began = Date.now();
          const played = await play();
          sweep.report.add(...row, played, (Date.now() - began) / 1000);
          expect(wrongs(played)).toEqual([]);
        },
        LONG_MS,
      );
    }

    if (ALL) return everything();
    if (through.length > 0) broken();
    stopped();

    function everything(): void {
      for (const path of paths) {
        for (const fault of CALLS)
          test(`${path.name}, with any call ${fault}`, [path.name, fault], () =>
            sweep.break(of([path], fault)),
          );
        for (const fault of RUN_FAULTS)
          test(`${path.name}, ${fault} at any call`, [path.name, fault], () => sweep.stop(of([path], fault)));
        for (const fault of CRASHES)
          test(`${path.name}, ${fault} at any call`, [path.name, fault], () =>
            sweep.crash(of([path], fault)),
          );
      }
    }

    function broken(): void {
      const changes = () => of(through, 'lost').filter(({ point }) => isMutation(point));
      test('with a call refused', [name, 'refused'], () =>
        sweep.break(some(of(through, 'refused'), CALLS_OF_WAY)),
      );
      test('with the answer to a change lost', [name, 'lost'], () =>
        sweep.break(some(changes(), CALLS_OF_WAY)),
      );
      test('with the answer to every read lost, by turns', [name, 'lost'], () => sweep.loseReads(through));
      for (const fault of CALLS)
        test(`undone, with a call ${fault} again`, [`${name}, undone`, fault], () =>
          sweep.break(some(of(undone, fault), FEW)),
        );
      if (after.length === 0) return;
      test('after a first run, with a call broken', [`${name}, later`, 'lost'], () => {
        const calls = CALLS.flatMap((fault) => of(after, fault));
        return sweep.break(some(calls, LATER_CALLS));
      });
    }

    function stopped(): void {
      for (const fault of RUN_FAULTS)
        test(`${fault} somewhere`, [name, fault], () =>
          sweep.stop([...some(of(first, fault), FEW), ...some(of(after, fault), LATER_CALLS)]),
        );
      for (const fault of CRASHES)
        test(`${fault} somewhere`, [name, fault], () => sweep.crash(some(of(first, fault), FEW)));
    }
  });
}
