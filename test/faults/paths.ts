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
  /** Load balancers send it requests, and its guest is told: drained, with hooks. */
  served?: true;
  /** This call is refused, so that everything before it is undone. */
  refused?: Point;
}

/** The last call before a migration counts as done: refusing it leaves the most to undo. */
const LAST: Point = { action: 'DescribeInstanceStatus', nth: 1 };

const WAYS: readonly Path[] = [
  ...STRATEGIES.map((strategy) => ({ name: strategy, strategy })),
  { name: 'served', strategy: 'direct', served: true },
];

export const PATHS: readonly Path[] = WAYS.flatMap((way) => [
  way,
  { ...way, name: `${way.name}, undone`, refused: LAST },
]);

export const REFUSED = { before: { code: 'UnauthorizedOperation', status: 403 } } as const;
export const LOST = { after: 'lose the response' } as const;
