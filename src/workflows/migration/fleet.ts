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
import { MIGRATION_ENDED } from '../../model/campaign';
import { formatDuration } from '../../model/duration';
import { workflowIds } from '../../model/ids';
import { MAX_LISTED } from '../../model/list';
import type { MigrateMachineInput, MigrationReport } from '../../model/migration';
import { rootCause } from '../support/failure';
import type { Run } from '../support/operation';
import { read } from '../support/options';
import type { CampaignOrders } from './campaignOrders';

/** How often the campaign looks at its open machines itself: a terminated migration announces nothing. */
const LOOK_EVERY_MS = 5 * 60_000;

export interface MachineEnd extends MigrationReport {
  volumes: number;
}

/** Open and ended machines, as one run leaves them to the next. */
export interface CarriedFleet {
  /** Instance id and id of its workflow. */
  open: [string, string][];
  ends: MachineEnd[];
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
  private readonly openIds: Map<string, string>;
  private readonly ends: Map<string, MachineEnd>;
  private failed = 0;
  /** Called where the run may stop and be continued as new. */
  checkpoint: () => Promise<void> = () => Promise.resolve();

  constructor(
    orders: CampaignOrders,
    private readonly run: Run,
    private readonly soakMs: number | undefined,
    { open, ends }: CarriedFleet,
  ) {
    this.openIds = new Map(open);
    this.ends = new Map(ends.map((end) => [end.instanceId, end]));
    this.failed = ends.filter(isFailure).length;
    setHandler(defineSignal<[MigrationReport]>(MIGRATION_ENDED), (report) => this.ended(report));
    orders.onCancel = (instanceId) => void this.cancelOpen(instanceId);
  }

  get reports(): MachineEnd[] {
    return [...this.ends.values()];
  }

  get open(): number {
    return this.openIds.size;
  }

  get failures(): number {
    return this.failed;
  }

  carried(): CarriedFleet {
    return { open: [...this.openIds], ends: this.reports };
  }

  /** A cancelled campaign cancels what it started: machines undo before their commit point. */
  async cancellingOpen(work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      if (error instanceof ContinueAsNew) throw error;
      await CancellationScope.nonCancellable(() =>
        Promise.all([...this.openIds.keys()].map((id) => this.cancelOpen(id))),
      );
      throw error;
    }
  }

  async start(machine: MigrateMachineInput): Promise<void> {
    const { target, instanceId } = machine;
    const workflowId = workflowIds.machine(target, instanceId);
    this.run.row(instanceId, 'migrating', workflowId);
    this.openIds.set(instanceId, workflowId);
    try {
      await startChild('migrateMachine', {
        workflowId,
        args: [machine],
        parentClosePolicy: ParentClosePolicy.ABANDON,
        staticSummary: `Encrypt ${instanceId}`,
      });
    } catch (error) {
      if (!(rootCause(error).name === 'WorkflowExecutionAlreadyStartedError')) throw error;
      this.ended(
        report(
          instanceId,
          'failed',
          `workflow ${workflowId} holds this machine already; wait for it, commit it or roll it back first`,
        ),
      );
    }
  }

  skip(instanceId: string, why: string): void {
    this.ends.set(instanceId, { ...report(instanceId, 'cancelled', why), volumes: 0 });
    this.run.row(instanceId, 'not started', why);
  }

  /** Waits until it is so, or until then; looks at open machines meanwhile. */
  async until(reached: () => boolean, deadline?: Deadline): Promise<void> {
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

  private ended(said: MigrationReport): void {
    const { instanceId, outcome, message, downtimeMs } = said;
    // Only the first word counts: a migration in soak may still be rolled back by a person later.
    if (!this.openIds.delete(instanceId)) return;
    this.ends.set(instanceId, this.shortened(said));
    if (isFailure(said)) this.failed += 1;
    if (outcome !== 'encrypted') return this.run.row(instanceId, outcome, message);
    const soakUntil = this.soakMs && new Date(Date.now() + this.soakMs).toISOString();
    const facts = { downtimeMs, ...(soakUntil && { soakUntil }) };
    const note = `down for ${formatDuration(downtimeMs)}; ${message}${soakUntil ? `, or ${soakUntil}` : ''}`;
    this.run.rows([{ item: instanceId, state: outcome, note, facts }]);
  }

  /** A result lists so many of an outcome; of the others it counts, and a campaign carries, no more than the numbers. */
  private shortened(said: MigrationReport): MachineEnd {
    const volumes = Object.keys(said.volumeIdMap).length;
    const alike = this.reports.filter(({ outcome }) => outcome === said.outcome).length;
    if (alike < MAX_LISTED) return { ...said, volumes };
    const { instanceId, outcome, downtimeMs } = said;
    return { instanceId, outcome, downtimeMs, message: '', volumeIdMap: {}, volumes };
  }

  private async lookAtOpen(): Promise<void> {
    const ids = new Map([...this.openIds].map(([instanceId, workflowId]) => [workflowId, instanceId]));
    const closed = await read('Look at open migrations').closedWorkflows({ workflowIds: [...ids.keys()] });
    for (const { workflowId, status } of closed) {
      const message = `its workflow ended ${status} without a word; start encryptVolumes for it again: it finishes or undoes what it finds`;
      this.ended(report(ids.get(workflowId) ?? '', 'failed', message));
    }
  }

  private async cancelOpen(instanceId: string): Promise<void> {
    const workflowId = this.openIds.get(instanceId);
    if (!workflowId) return;
    try {
      await getExternalWorkflowHandle(workflowId).cancel();
    } catch (error) {
      log.warn('a migration could not be cancelled', { instanceId, error });
    }
  }
}

function report(instanceId: string, outcome: MigrationReport['outcome'], message: string): MigrationReport {
  return { instanceId, outcome, message, volumeIdMap: {}, downtimeMs: 0 };
}

function isFailure({ outcome }: MigrationReport): boolean {
  return outcome === 'failed' || outcome === 'rolledBack';
}
