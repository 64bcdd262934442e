import { ActivityFailure, TimeoutFailure, uuid4, type ActivityOptions } from '@temporalio/workflow';
import type { Accepted } from '../../model/blockers';
import { formatDuration } from '../../model/duration';
import { FAILURE } from '../../model/failures';
import type { MachinePlan, MigrateMachineRequest, MigrationReport, MovePlan } from '../../model/migration';
import type { Maker } from '../../model/maker';
import type { StrategyPlan } from '../../model/strategy';
import { fail, rootCause } from '../support/failure';
import type { Run } from '../support/operation';
import { makerOf } from '../support/maker';
import { UndoStack } from '../support/undo';
import { Made } from './made';
import type { Orders } from './orders';

/** Stops, swaps, starts and undos end or prevent somebody's downtime: they go before everything else on the queue. */
export const URGENT: ActivityOptions = { priority: { priorityKey: 1 } };

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

/** New volume by the original that it replaces. */
export type Replacements = Record<string, string>;

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
