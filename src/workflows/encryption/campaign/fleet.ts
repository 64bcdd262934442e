import {
  CancellationScope,
  condition,
  ContinueAsNew,
  defineSignal,
  getExternalWorkflowHandle,
  log,
  ParentClosePolicy,
  setHandler,
  startChild,
} from '@temporalio/workflow';
import { formatDuration } from '../../../model/duration';
import { heldBy, workflowIds } from '../../../model/ids';
import { MAX_LISTED } from '../../../model/list';
import type { MigrateVolumeInput, VolumeReport } from '../../../model/moves/loneVolume';
import type { MigrateMachineInput, MigrationReport, MoveReport } from '../../../model/moves/migration';
import { rootCause } from '../../support/failure';
import type { Run } from '../../support/operation';
import { read } from '../../support/options';
import type { CampaignOrders } from './orders';
import { MIGRATION_ENDED } from '../../../model/messages';

/** How often the campaign looks at its open machines itself: a terminated migration announces nothing. */
const LOOK_EVERY_MS = 5 * 60_000;

/** A machine with its volumes, or a volume that is attached to nothing. */
export type MoveInput = MigrateMachineInput | MigrateVolumeInput;
export type MoveEnd = (MigrationReport & { volumes: number }) | VolumeReport;
type Said = MigrationReport | VolumeReport;
type Item = { instanceId: string } | { volumeId: string };

export function itemOf(move: Item): string {
  return 'volumeId' in move ? move.volumeId : move.instanceId;
}

function workflowIdOf(move: MoveInput): string {
  return 'volumeId' in move
    ? workflowIds.volume(move.target, move.volumeId)
    : workflowIds.machine(move.target, move.instanceId);
}

/** Open and ended machines, as one run leaves them to the next. */
export interface CarriedFleet {
  /** Which, and the id of its workflow. */
  open: [Item, string][];
  ends: MoveEnd[];
}

interface Deadline {
  /** Milliseconds since the epoch. */
  at: number;
  summary: string;
}

/**
 * The migrations of a campaign. They are abandoned children, so that a machine in mid-swap outlives a terminated
 * campaign; each tells by signal how it ended.
 */
export class MachineFleet {
  private readonly openMoves: Map<string, { move: Item; workflowId: string }>;
  private readonly ends: Map<string, MoveEnd>;
  private failed = 0;
  /** Called where the run may stop and be continued as new. */
  checkpoint: () => Promise<void> = () => Promise.resolve();

  constructor(
    orders: CampaignOrders,
    private readonly run: Run,
    private readonly soakMs: number | undefined,
    { open, ends }: CarriedFleet,
  ) {
    this.openMoves = new Map(open.map(([move, workflowId]) => [itemOf(move), { move, workflowId }]));
    this.ends = new Map(ends.map((end) => [itemOf(end), end]));
    this.failed = ends.filter(isFailure).length;
    setHandler(defineSignal<[Said]>(MIGRATION_ENDED), (said) => this.recordEnd(said));
    orders.onCancel = (item) => void this.cancelOpen(item);
  }

  get reports(): MoveEnd[] {
    return [...this.ends.values()];
  }

  /** Those under way and those that have ended. */
  get items(): string[] {
    return [...this.openMoves.keys(), ...this.ends.keys()];
  }

  get open(): number {
    return this.openMoves.size;
  }

  get failures(): number {
    return this.failed;
  }

  carried(): CarriedFleet {
    const open = [...this.openMoves.values()].map(({ move, workflowId }): [Item, string] => [
      move,
      workflowId,
    ]);
    return { open, ends: this.reports };
  }

  /** A cancelled campaign cancels what it started: machines undo before their commit point. */
  async cancelOpenOnFailure(work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      if (error instanceof ContinueAsNew) throw error;
      await CancellationScope.nonCancellable(() =>
        Promise.all([...this.openMoves.keys()].map((id) => this.cancelOpen(id))),
      );
      throw error;
    }
  }

  async start(input: MoveInput): Promise<void> {
    const [item, workflowId] = [itemOf(input), workflowIdOf(input)];
    const move = 'volumeId' in input ? { volumeId: input.volumeId } : { instanceId: input.instanceId };
    this.run.row(item, 'migrating', workflowId);
    this.openMoves.set(item, { move, workflowId });
    try {
      await startChild('volumeId' in input ? 'migrateVolume' : 'migrateMachine', {
        workflowId,
        args: [input],
        parentClosePolicy: ParentClosePolicy.ABANDON,
        staticSummary: `Encrypt ${item}`,
      });
    } catch (error) {
      if (!(rootCause(error).name === 'WorkflowExecutionAlreadyStartedError')) throw error;
      const what = 'volumeId' in input ? 'volume' : 'machine';
      this.recordEnd(report(move, 'failed', heldBy(workflowId, what)));
    }
  }

  skip(move: Item, why: string): void {
    this.ends.set(itemOf(move), this.shortened(report(move, 'cancelled', why)));
    this.run.row(itemOf(move), 'not started', why);
  }

  /** Waits until it is so, or until then; looks at open machines meanwhile. */
  async waitUntil(reached: () => boolean, deadline?: Deadline): Promise<void> {
    while (!reached()) {
      await this.checkpoint();
      const left = deadline && deadline.at - Date.now();
      if (left !== undefined && left <= 0) return;
      const lookMs = this.open > 0 ? LOOK_EVERY_MS : undefined;
      const waitMs = left === undefined ? lookMs : Math.min(left, lookMs ?? left);
      if (waitMs === undefined) await condition(reached);
      else {
        const summary = waitMs === left ? deadline?.summary : 'Look at open migrations';
        if (!(await condition(reached, waitMs, { summary })) && this.open > 0) await this.lookAtOpen();
      }
    }
  }

  private recordEnd(said: Said): void {
    const { outcome, message } = said;
    const item = itemOf(said);
    // Only the first word counts: a migration in soak may still be rolled back by a person later.
    if (!this.openMoves.delete(item)) return;
    this.ends.set(item, this.shortened(said));
    if (isFailure(said)) this.failed += 1;
    const downtimeMs = 'volumeId' in said ? undefined : said.downtimeMs;
    if (outcome !== 'encrypted') {
      const facts = downtimeMs ? { facts: { downtimeMs } } : {};
      return this.run.rows([{ item, state: outcome, note: message, ...facts }]);
    }
    const waitsForStart = !('volumeId' in said) && said.unstarted;
    // A machine that was stopped soaks from its first healthy start on, and nobody knows when that is.
    const soakUntil = this.soakMs && !waitsForStart && new Date(Date.now() + this.soakMs).toISOString();
    const facts = {
      ...(downtimeMs !== undefined && { downtimeMs }),
      ...(soakUntil && { soakUntil }),
    };
    const down = downtimeMs === undefined ? '' : `down for ${formatDuration(downtimeMs)}; `;
    const note = `${down}${message}${soakUntil ? `, or ${soakUntil}` : ''}`;
    this.run.rows([{ item, state: outcome, note, facts }]);
  }

  /** A result lists so many of an outcome; of the others it counts, and a campaign carries, no more than the numbers. */
  private shortened(said: Said): MoveEnd {
    const alike = this.reports.filter(({ outcome }) => outcome === said.outcome).length;
    const isListed = alike < MAX_LISTED;
    if ('volumeId' in said) {
      const { volumeId, outcome } = said;
      return isListed ? said : { volumeId, outcome, message: '', volumeIdMap: {} };
    }
    const volumes = Object.keys(said.volumeIdMap).length;
    const { instanceId, outcome, downtimeMs } = said;
    return isListed
      ? { ...said, volumes }
      : { instanceId, outcome, downtimeMs, message: '', volumeIdMap: {}, volumes };
  }

  private async lookAtOpen(): Promise<void> {
    const open = new Map([...this.openMoves.values()].map(({ move, workflowId }) => [workflowId, move]));
    const closed = await read('Look at open migrations').closedWorkflows({ workflowIds: [...open.keys()] });
    for (const { workflowId, status } of closed) {
      const message = `its workflow ended ${status} without a word; start encryptVolumes for it again: it finishes or undoes what it finds`;
      const move = open.get(workflowId);
      if (move) this.recordEnd(report(move, 'failed', message));
    }
  }

  private async cancelOpen(item: string): Promise<void> {
    const open = this.openMoves.get(item);
    if (!open) return;
    try {
      await getExternalWorkflowHandle(open.workflowId).cancel();
    } catch (error) {
      log.warn('a migration could not be cancelled', { item, error });
    }
  }
}

function report(move: Item, outcome: MoveReport['outcome'], message: string): Said {
  const ended = { outcome, message, volumeIdMap: {} };
  return 'volumeId' in move ? { ...move, ...ended } : { ...move, ...ended, downtimeMs: 0 };
}

function isFailure({ outcome }: MoveReport): boolean {
  return outcome === 'failed' || outcome === 'rolledBack';
}
