import type { Strategy } from '../../src/model/strategy';
import { STRATEGIES } from '../support/migration';

/** One call of a migration: the nth of its action. */
export interface Point {
  action: string;
  nth: number;
}

/** One way through a migration. */
export interface Path {
  name: string;
  strategy: Strategy;
  /** This call is refused, so that everything before it is undone. */
  refused?: Point;
}

/** The last call before a migration counts as done: refusing it leaves the most to undo. */
const LAST: Point = { action: 'DescribeInstanceStatus', nth: 1 };

export const PATHS: readonly Path[] = STRATEGIES.flatMap((strategy) => [
  { name: strategy, strategy },
  { name: `${strategy}, undone`, strategy, refused: LAST },
]);

export const REFUSED = { before: { code: 'UnauthorizedOperation', status: 403 } } as const;
export const LOST = { after: 'lose the response' } as const;
