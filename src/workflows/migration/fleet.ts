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
import type { MigrateMachineInput, MigrationReport } from '../../model/migration';
import { rootCause } from '../support/failure';
import type { Run } from '../support/operation';
import { read } from '../support/options';
import type { CampaignOrders } from './campaignOrders';

/** How often the campaign looks at its open machines itself: a terminated migration announces nothing. */
const LOOK_EVERY = '5 minutes';

export type MachineEnd = MigrationReport;

interface Window {
  concurrency: number;
  maxFailures: number;
}

/**
 * The migrations of a campaign. They are abandoned children, so that a machine in mid-swap outlives a terminated
 * campaign; each tells by signal how it ended.
 */
export class MachineFleet {
  private readonly open = new Map<string, MigrateMachineInput>();
  private readonly ends = new Map<string, MachineEnd>();

  constructor(
    private readonly orders: CampaignOrders,
    private readonly run: Run,
  ) {
    setHandler(defineSignal<[MachineEnd]>(MIGRATION_ENDED), (end) => this.ended(end));
    orders.onCancel = (instanceId) => void this.cancelOpen(instanceId);
  }

  get reports(): MachineEnd[] {
    return [...this.ends.values()];
  }

  /** Migrates machine after machine, so many at a time, until all have ended or too many have failed. */
  async migrate(machines: MigrateMachineInput[], { concurrency, maxFailures }: Window): Promise<void> {
    try {
      for (const machine of machines) {
        await this.until(() => this.open.size < concurrency && !this.orders.paused);
        if (this.failures >= maxFailures)
          this.skip(
            machine,
            `not started: ${this.failures} machines had failed, and maxFailures is ${maxFailures}`,
          );
        else if (this.orders.cancelled.has(machine.instanceId))
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

  private async start(machine: MigrateMachineInput): Promise<void> {
    const { target, instanceId } = machine;
    const workflowId = workflowIds.machine(target, instanceId);
    this.run.row(instanceId, 'migrating', workflowId);
    this.open.set(instanceId, machine);
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
        end(
          instanceId,
          'failed',
          `workflow ${workflowId} holds this machine already; wait for it, commit it or roll it back first`,
        ),
      );
    }
  }

  private ended(report: MachineEnd): void {
    const { instanceId, outcome, message } = report;
    // Only the first word counts: a migration in soak may still be rolled back by a person later.
    if (!this.open.delete(instanceId)) return;
    this.ends.set(instanceId, report);
    this.run.row(instanceId, outcome, message);
  }

  private skip({ instanceId }: MigrateMachineInput, why: string): void {
    this.ends.set(instanceId, end(instanceId, 'cancelled', why));
    this.run.row(instanceId, 'not started', why);
  }

  private async until(reached: () => boolean): Promise<void> {
    while (!(await condition(reached, LOOK_EVERY, { summary: 'Look at open migrations' })))
      await this.lookAtOpen();
  }

  private async lookAtOpen(): Promise<void> {
    const ids = new Map(
      [...this.open.values()].map(({ target, instanceId }) => [
        workflowIds.machine(target, instanceId),
        instanceId,
      ]),
    );
    if (ids.size === 0) return;
    const closed = await read('Look at open migrations').closedWorkflows({ workflowIds: [...ids.keys()] });
    for (const { workflowId, status } of closed) {
      const message = `its workflow ended ${status} without a word; start encryptVolumes for it again: it finishes or undoes what it finds`;
      this.ended(end(ids.get(workflowId) ?? '', 'failed', message));
    }
  }

  private async cancelOpen(instanceId: string): Promise<void> {
    const machine = this.open.get(instanceId);
    if (!machine) return;
    try {
      await getExternalWorkflowHandle(workflowIds.machine(machine.target, instanceId)).cancel();
    } catch (error) {
      log.warn('a migration could not be cancelled', { instanceId, error });
    }
  }
}

function end(instanceId: string, outcome: MachineEnd['outcome'], message: string): MachineEnd {
  return { instanceId, outcome, message, volumeIdMap: {}, downtimeMs: 0 };
}
