import {
  CancellationScope,
  condition,
  defineSignal,
  getExternalWorkflowHandle,
  log,
  ParentClosePolicy,
  setHandler,
  startChild,
} from '@temporalio/workflow';
import { MIGRATION_ENDED } from '../../model/campaign';
import { workflowIds } from '../../model/ids';
import type { MigrateVolumeInput, VolumeReport } from '../../model/loneVolume';
import type { MigrateMachineInput, MigrationReport, MoveReport } from '../../model/migration';
import { rootCause } from '../support/failure';
import type { Run } from '../support/operation';
import { read } from '../support/options';
import type { CampaignOrders } from './campaignOrders';

/** How often the campaign looks at its open machines itself: a terminated migration announces nothing. */
const LOOK_EVERY = '5 minutes';

/** A machine with its volumes, or a volume that is attached to nothing. */
export type MoveInput = MigrateMachineInput | MigrateVolumeInput;
export type MoveEnd = MigrationReport | VolumeReport;

export function itemOf(move: MoveInput | MoveEnd): string {
  return 'volumeId' in move ? move.volumeId : move.instanceId;
}

function workflowIdOf(move: MoveInput): string {
  return 'volumeId' in move
    ? workflowIds.volume(move.target, move.volumeId)
    : workflowIds.machine(move.target, move.instanceId);
}

interface Window {
  concurrency: number;
  maxFailures: number;
}

/**
 * The migrations of a campaign. They are abandoned children, so that a machine in mid-swap outlives a terminated
 * campaign; each tells by signal how it ended.
 */
export class MachineFleet {
  private readonly open = new Map<string, MoveInput>();
  private readonly ends = new Map<string, MoveEnd>();

  constructor(
    private readonly orders: CampaignOrders,
    private readonly run: Run,
  ) {
    setHandler(defineSignal<[MoveEnd]>(MIGRATION_ENDED), (end) => this.ended(end));
    orders.onCancel = (instanceId) => void this.cancelOpen(instanceId);
  }

  get reports(): MoveEnd[] {
    return [...this.ends.values()];
  }

  /** Migrates machine after machine, so many at a time, until all have ended or too many have failed. */
  async migrate(machines: MoveInput[], { concurrency, maxFailures }: Window): Promise<void> {
    try {
      for (const machine of machines) {
        await this.until(() => this.open.size < concurrency && !this.orders.paused);
        if (this.failures >= maxFailures)
          this.skip(
            machine,
            `not started: ${this.failures} machines had failed, and maxFailures is ${maxFailures}`,
          );
        else if (this.orders.cancelled.has(itemOf(machine)))
          this.skip(machine, 'not started: it was cancelled');
        else await this.start(machine);
      }
      await this.until(() => this.open.size === 0);
    } catch (error) {
      // A cancelled campaign cancels what it started: machines undo before their commit point.
      await CancellationScope.nonCancellable(() =>
        Promise.all([...this.open.keys()].map((id) => this.cancelOpen(id))),
      );
      throw error;
    }
  }

  private get failures(): number {
    return this.reports.filter(({ outcome }) => outcome === 'failed' || outcome === 'rolledBack').length;
  }

  private async start(machine: MoveInput): Promise<void> {
    const [item, workflowId] = [itemOf(machine), workflowIdOf(machine)];
    this.run.row(item, 'migrating', workflowId);
    this.open.set(item, machine);
    try {
      await startChild('volumeId' in machine ? 'migrateVolume' : 'migrateMachine', {
        workflowId,
        args: [machine],
        parentClosePolicy: ParentClosePolicy.ABANDON,
        staticSummary: `Encrypt ${item}`,
      });
    } catch (error) {
      if (!(rootCause(error).name === 'WorkflowExecutionAlreadyStartedError')) throw error;
      this.ended(
        end(
          machine,
          'failed',
          `workflow ${workflowId} holds this ${'volumeId' in machine ? 'volume' : 'machine'} already; wait for it, commit it or roll it back first`,
        ),
      );
    }
  }

  private ended(report: MoveEnd): void {
    const { outcome, message } = report;
    // Only the first word counts: a migration in soak may still be rolled back by a person later.
    if (!this.open.delete(itemOf(report))) return;
    this.ends.set(itemOf(report), report);
    this.run.row(itemOf(report), outcome, message);
  }

  private skip(machine: MoveInput, why: string): void {
    this.ends.set(itemOf(machine), end(machine, 'cancelled', why));
    this.run.row(itemOf(machine), 'not started', why);
  }

  private async until(reached: () => boolean): Promise<void> {
    while (!(await condition(reached, LOOK_EVERY, { summary: 'Look at open migrations' })))
      await this.lookAtOpen();
  }

  private async lookAtOpen(): Promise<void> {
    const open = new Map([...this.open.values()].map((machine) => [workflowIdOf(machine), machine]));
    if (open.size === 0) return;
    const closed = await read('Look at open migrations').closedWorkflows({ workflowIds: [...open.keys()] });
    for (const { workflowId, status } of closed) {
      const message = `its workflow ended ${status} without a word; start encryptVolumes for it again: it finishes or undoes what it finds`;
      const machine = open.get(workflowId);
      if (machine) this.ended(end(machine, 'failed', message));
    }
  }

  private async cancelOpen(item: string): Promise<void> {
    const machine = this.open.get(item);
    if (!machine) return;
    try {
      await getExternalWorkflowHandle(workflowIdOf(machine)).cancel();
    } catch (error) {
      log.warn('a migration could not be cancelled', { item, error });
    }
  }
}

function end(move: MoveInput, outcome: MoveReport['outcome'], message: string): MoveEnd {
  const ended = { outcome, message, volumeIdMap: {} };
  return 'volumeId' in move
    ? { volumeId: move.volumeId, ...ended }
    : { instanceId: move.instanceId, ...ended, downtimeMs: 0 };
}
