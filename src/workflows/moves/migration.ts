import { uuid4 } from '@temporalio/workflow';
import type { Accepted } from '../../model/moves/blockers';
import type { MigrateMachineRequest, MigrationReport } from '../../model/moves/migration';
import type { Maker } from '../../model/maker';
import type { StrategyPlan } from '../../model/moves/strategy';
import type { Run } from '../support/operation';
import { makerOf } from '../support/maker';
import { UndoStack } from '../support/undo';
import { Made, type Replacements } from './made';
import type { Orders } from './orders';
import type { MachinePlan, MovePlan } from '../../model/machines/facts';
import { Downtime } from '../machines/downtime';

/** Undo steps that others ask about. */
export const RUNNING_AGAIN = 'running again';
export const ORIGINALS_BACK = 'original volumes';

/** A move to encrypted volumes while it is under way, of a machine or of a volume by itself. */
export interface Move {
  id: string;
  plan: MovePlan;
  run: Run;
  orders: Orders;
  undo: UndoStack;
  downtime: Downtime;
  made: Made;
  /** Who asked, for the tags of the points that stay. */
  maker: Maker;
}

/** What is done with a running machine around its stop. */
export type MachineTerms = Pick<MigrateMachineRequest, 'drain' | 'hooks'> & {
  healthChecks?: MigrateMachineRequest['healthChecks'];
};

/** One machine's move, by whichever strategy. */
export interface Migration extends Move {
  plan: MachinePlan;
  terms: MachineTerms;
}

/** A machine that runs on its new volumes; the originals are kept. */
export interface Swapped {
  migration: Migration;
  replacements: Replacements;
  /** When it may have begun to write to them, in milliseconds since the epoch. */
  writesSince: number;
  /** When the originals were written to for the last time, at the latest: milliseconds since the epoch. */
  lastMoment: number;
  /** Unknown of a migration that a later run has taken over. */
  strategy?: StrategyPlan;
  accepted?: Accepted[];
  publicIp?: MigrationReport['publicIp'];
  /** Why it does not run, or cannot be started again, of a migration that a later run has taken over. */
  unwell?: string;
}

export function newMigration(
  plan: MachinePlan,
  request: MigrateMachineRequest,
  run: Run,
  orders: Orders,
): Migration {
  const { maxDowntimeMs, drain, hooks, healthChecks } = request;
  return {
    ...newMove(plan, run, orders, request),
    plan,
    terms: { drain, hooks, healthChecks },
    downtime: new Downtime(maxDowntimeMs),
  };
}

/** Of a volume by itself: nothing is down meanwhile. */
export function newMove(
  plan: MovePlan,
  run: Run,
  orders: Orders,
  by: { requestedBy?: string; ticket?: string },
): Move {
  const id = `mig-${uuid4().replaceAll('-', '').slice(0, 17)}`;
  const [undo, downtime] = [new UndoStack(), new Downtime(Infinity)];
  return { id, plan, run, orders, undo, downtime, made: new Made(), maker: makerOf(by) };
}
