import type { Strategy } from '../../src/model/moves/strategy';

/** One call of a migration: the nth of its action. */
export interface Point {
  action: string;
  nth: number;
}

/**
 * What has happened when the path begins: nothing yet; a first run was terminated at a call; or the machine is in its
 * soak, and a person sends a verdict. What comes before it is not swept.
 */
export type Before = { terminated: Point } | { verdict: 'commit' | 'rollback' };

/** One way through a migration. */
export interface Path {
  name: string;
  strategy: Strategy;
  /** Load balancers send it requests, and its guest is told: drained, with hooks. */
  served?: true;
  /** This call is refused, so that everything before it is undone. */
  refused?: Point;
  before?: Before;
}

/** The last call before a migration counts as done: refusing it leaves the most to undo. */
const LAST: Point = { action: 'DescribeInstanceStatus', nth: 1 };

/** All the way through, by strategy; `served` of a machine that load balancers send requests. */
export const WAYS = {
  copy: { name: 'copy', strategy: 'copy' },
  direct: { name: 'direct', strategy: 'direct' },
  clone: { name: 'clone', strategy: 'clone' },
  served: { name: 'served', strategy: 'direct', served: true },
} as const satisfies Record<string, Path>;

export const undonePath = (way: Path): Path => ({ ...way, name: `${way.name}, undone`, refused: LAST });

const BEFORE: Readonly<Record<string, Before>> = {
  'taken over in mid-swap': { terminated: { action: 'AttachVolume', nth: 1 } },
  'taken over after the start': { terminated: { action: 'StartInstances', nth: 1 } },
  rollback: { verdict: 'rollback' },
  commit: { verdict: 'commit' },
};

/** What may come after a first run of this way. */
export const laterPaths = (way: Path): Path[] =>
  Object.entries(BEFORE).map(([name, before]) => ({ ...way, name: `${way.name}, ${name}`, before }));

export const REFUSED = { before: { code: 'UnauthorizedOperation', status: 403 } } as const;
export const LOST = { after: 'lose the response' } as const;
