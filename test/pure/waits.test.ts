import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { ROOT } from '../support/paths';

const ACTIVITIES = path.join(ROOT, 'src/activities');
const OTHER_CLOCKS =
  /timers\/promises|\bset(Timeout|Interval)\(|Date\.now\b|import \{[^}]*\bsleep\b[^}]*\} from '@temporalio\/activity'/;
/** The clock itself; and what gathers reads for a moment that is no wait. */
const MAY = ['waits.ts', 'sharedReads.ts'];

it('activities know no clock but the one that is injected: a wait that nobody counts outlives its timeout', () => {
  const files = readdirSync(ACTIVITIES, { recursive: true }).map(String);
  const others = files
    .filter((file) => file.endsWith('.ts') && !MAY.includes(path.basename(file)))
    .filter((file) => OTHER_CLOCKS.test(readFileSync(path.join(ACTIVITIES, file), 'utf8')));
  expect(others).toEqual([]);
});
