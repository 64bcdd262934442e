import { log } from '@temporalio/activity';
import { packCopies, RECORDED_COPIES_QUERY } from '../../../model/encryption/snapshots/copyLedger';
import { TASK_QUEUE } from '../../../model/names';
import type { EncryptedSnapshot } from '../../../model/encryption/snapshots/snapshotEncryption';
import type { ActivityDeps } from '../../support/deps';
import { heartbeat } from '../../support/pace/heartbeat';
import { isOpen } from '../../support/openWorkflows';

/** What other runs of `encryptSnapshots` are and have recorded, each asked once. */
export class OtherRuns {
  private readonly open = new Map<string, boolean>();
  private readonly ledgers = new Map<string, ReadonlySet<string>>();

  constructor(private readonly deps: ActivityDeps) {}

  async isOpen(workflowId: string): Promise<boolean> {
    const known = this.open.get(workflowId) ?? (await isOpen(this.deps, workflowId));
    this.open.set(workflowId, known);
    return known;
  }

  /**
   * Whether the run, whose id only a tag tells, says itself that it made this copy of this snapshot. One that Temporal
   * has forgotten says nothing.
   */
  async hasRecorded(workflowId: string, copy: EncryptedSnapshot): Promise<boolean> {
    const ledger = this.ledgers.get(workflowId) ?? new Set((await this.readLedger(workflowId)).split(','));
    this.ledgers.set(workflowId, ledger);
    return ledger.has(packCopies([copy]));
  }

  /** A run that does not answer has recorded nothing, as far as anybody knows: its copy is made again, which only costs. */
  private async readLedger(workflowId: string): Promise<string> {
    heartbeat();
    try {
      const handle = this.deps.temporal.workflow.getHandle(workflowId);
      const { type, taskQueue } = await handle.describe();
      // Others do not know the question, or nobody is there to answer it.
      if (type !== 'encryptSnapshots' || taskQueue !== TASK_QUEUE) return '';
      const answer: unknown = await handle.query(RECORDED_COPIES_QUERY);
      return typeof answer === 'string' ? answer : '';
    } catch (error) {
      log.warn('a run could not be asked for its copies', { workflowId, error });
      return '';
    }
  }
}
