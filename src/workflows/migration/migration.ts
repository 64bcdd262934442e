import { ActivityFailure, TimeoutFailure, uuid4, type ActivityOptions } from '@temporalio/workflow';
import type { Accepted } from '../../model/blockers';
import { formatDuration } from '../../model/duration';
import { FAILURE } from '../../model/failures';
import type { MachinePlan, MigrateMachineRequest, MigrationReport, MovePlan } from '../../model/migration';
import type { StrategyPlan } from '../../model/strategy';
import { fail, rootCause } from '../support/failure';
import type { Run } from '../support/operation';
import { UndoStack } from '../support/undo';
import type { Orders } from './orders';

/** Stops, swaps, starts and undos end or prevent somebody's downtime: they go before everything else on the queue. */
export const URGENT: ActivityOptions = { priority: { priorityKey: 1 } };

/** A move to encrypted volumes while it is under way, of a machine or of a volume by itself. */
export interface Move {
  id: string;
  plan: MovePlan;
  run: Run;
  orders: Orders;
  undo: UndoStack;
  downtime: Downtime;
}

/** What is done with a running machine around its stop. */
export type MachineTerms = Pick<MigrateMachineRequest, 'drain' | 'hooks'>;

/** One machine's move, by whichever strategy. */
export interface Migration extends Move {
  plan: MachinePlan;
  terms: MachineTerms;
}

/** New volume by the original that it replaces. */
export type Replacements = Record<string, string>;

/** A machine that runs on its new volumes; the originals are kept. */
export interface Swapped {
  migration: Migration;
  replacements: Replacements;
  /** When it may have begun to write to them, in milliseconds since the epoch. */
  writesSince: number;
  /** Unknown of a migration that a later run has taken over. */
  strategy?: StrategyPlan;
  accepted?: Accepted[];
  publicIp?: MigrationReport['publicIp'];
}

export function newMigration(
  plan: MachinePlan,
  { maxDowntimeMs, drain, hooks }: MigrateMachineRequest,
  run: Run,
  orders: Orders,
): Migration {
  return {
    ...newMove(plan, run, orders),
    plan,
    terms: { drain, hooks },
    downtime: new Downtime(maxDowntimeMs),
  };
}

/** Of a volume by itself: nothing is down meanwhile. */
export function newMove(plan: MovePlan, run: Run, orders: Orders): Move {
  const id = `mig-${uuid4().replaceAll('-', '').slice(0, 17)}`;
  return { id, plan, run, orders, undo: new UndoStack(), downtime: new Downtime(Infinity) };
}

/** What the machine's users notice: from the stop call until it runs again. */
export class Downtime {
  private beganAt: number | undefined;
  private endedAt: number | undefined;

  constructor(private readonly maxMs: number) {}

  begin(): void {
    this.beganAt = Date.now();
  }

  end(): void {
    this.endedAt = Date.now();
  }

  /** The stop may have been called. */
  get hasBegun(): boolean {
    return this.beganAt !== undefined;
  }

  get ms(): number {
    return this.beganAt === undefined ? 0 : (this.endedAt ?? Date.now()) - this.beganAt;
  }

  /**
   * Options for a call while the machine is down: it may take what is left of the budget. A machine that was stopped
   * anyway has no budget to keep.
   *
   * @throws ApplicationFailure DowntimeExceeded when nothing is left
   */
  bounded(): ActivityOptions {
    if (this.beganAt === undefined) return URGENT;
    const leftMs = this.maxMs - this.ms;
    if (leftMs <= 0)
      throw fail(FAILURE.downtimeExceeded, 'the machine has been down for as long as maxDowntime allows');
    return { ...URGENT, scheduleToCloseTimeout: leftMs };
  }

  /** What may still pass of the budget until the machine has to be well again; for ever where it was not stopped. */
  get leftMs(): number {
    return this.beganAt === undefined ? Infinity : Math.max(0, this.beganAt + this.maxMs - Date.now());
  }

  /** A call that the budget cut off says so; a timeout alone would tell nobody what to change. */
  explain(failure: unknown): unknown {
    const cutOff =
      rootCause(failure) instanceof TimeoutFailure && this.beganAt !== undefined && !this.endedAt;
    if (!cutOff) return failure;
    const at = failure instanceof ActivityFailure ? `; ${failure.activityType} was cut off` : '';
    return fail(
      FAILURE.downtimeExceeded,
      `the machine would have been down for longer than maxDowntime, ${formatDuration(this.maxMs)}${at}. Give it more, or make its volumes' last copies smaller by migrating when it writes less`,
    );
  }
}
