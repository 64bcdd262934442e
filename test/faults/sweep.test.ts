import { PATHS } from './paths';
import { wrongs, type FaultName, type Played } from './player';
import { sample } from './sample';
import { Sweep } from './sweep';

/** `npm run test:sweep` plays everything; `npm test` what its time allows. */
const ALL = process.env.HOLDFAST_SWEEP === 'all';
const SEED = Number(process.env.HOLDFAST_SWEEP_SEED ?? 1);
const CRASHES_IN_A_SAMPLE = 10;
const LONG_MS = ALL ? 3_600_000 : 240_000;

const UNDONE = PATHS.filter(({ refused }) => refused);
const THROUGH = PATHS.filter(({ refused }) => !refused);

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

  const everywhere = (paths: typeof PATHS, faults: readonly ('refused' | 'failing' | 'lost')[]) =>
    paths.flatMap((path) => faults.map((fault) => [path.name, fault, path] as const));

  it.each(everywhere(THROUGH, ALL ? ['refused', 'failing', 'lost'] : ['refused', 'lost']))(
    'by %s, with any call %s',
    (name, fault, path) => timed(name, fault, () => sweep.break(sweep.trials(path, fault))),
    LONG_MS,
  );
});
