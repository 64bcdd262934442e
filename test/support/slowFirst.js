const { default: Sequencer } = require('@jest/test-sequencer');

/**
 * They take minutes: begun last, one of them would keep a single worker busy, and the other idle. Sweeps compute a lot,
 * and are not begun at once.
 */
const SLOW = [
  'faults/served',
  'workflows/operations/hugePlaces',
  'workflows/realSettings',
  'faults/clone',
  'workflows/moves/migrateMachine/',
  'faults/copy',
  'e2e/killed',
  'workflows/moves/manyDisks',
  'faults/direct',
  'workflows/moves/verdicts',
  'workflows/machines/healthChecks',
  'workflows/moves/strangers',
  'workflows/backup/kept',
];

function rank({ path }) {
  const at = SLOW.findIndex((name) => path.includes(`/test/${name}`));
  return at === -1 ? SLOW.length : at;
}

/** Jest knows how long tests take from the last time; on a new machine, where CI runs, it goes by their size. */
module.exports = class SlowFirst extends Sequencer {
  sort(tests) {
    return [...super.sort(tests)].sort((a, b) => rank(a) - rank(b));
  }
};
