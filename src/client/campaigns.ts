import { WorkflowNotFoundError, type WorkflowExecutionInfo } from '@temporalio/client';
import type { RollbackMessage } from '../model/messages';
import { SEARCH_ATTRIBUTES } from '../model/names';
import { isOpenStatus } from '../model/openness';
import type { ProgressPage, ProgressRow } from '../model/progress';
import type { Holdfast } from './operations';

/** Updates that are under way at the same time. */
const TOLD_AT_ONCE = 10;

/** One machine of a campaign: what the campaign says of it, and where its own workflow is. */
export interface MachineStatus {
  instanceId: string;
  /** In the campaign: `planned`, `migrating`, `encrypted`, `rolledBack`, `blocked`, … */
  state: string;
  /** Of its migration, where one was started. */
  phase?: string;
  outcome?: string;
  workflowId?: string;
  downtimeMs?: number;
  /** ISO 8601; its originals are deleted then. */
  soakUntil?: string;
  note?: string;
}

export interface CampaignStatus {
  workflowId: string;
  phase: string;
  waitsFor?: string;
  counts: Record<string, number>;
  machines: MachineStatus[];
}

/** What became of a message to one machine. */
export interface Told {
  instanceId: string;
  accepted: boolean;
  why?: string;
}

interface Migration {
  instanceId: string;
  workflowId: string;
  isOpen: boolean;
  phase?: string;
  outcome?: string;
}

/** There is no such campaign. */
export class CampaignNotFound extends Error {
  override readonly name = 'CampaignNotFound';
}

/** Campaigns by their workflow id, and the migrations that they started, which outlive them. */
export class Campaigns {
  constructor(private readonly holdfast: Holdfast) {}

  /** @throws CampaignNotFound */
  async status(workflowId: string): Promise<CampaignStatus> {
    const { page, rows } = await this.progress(workflowId);
    const migrations = new Map((await this.migrations(workflowId)).map((each) => [each.instanceId, each]));
    const { phase, waitsFor, counts } = page;
    const machines = rows.map((row) => machineStatus(row, migrations.get(row.item)));
    return { workflowId, phase, ...(waitsFor && { waitsFor }), counts, machines };
  }

  /** Tells every migration of the campaign that is still open; one that is not in soak says so. */
  async tellMachines(
    campaignId: string,
    message: 'commit' | 'rollback',
    said: RollbackMessage,
  ): Promise<Told[]> {
    const open = (await this.migrations(campaignId)).filter(({ isOpen }) => isOpen);
    const told: Told[] = [];
    for (let start = 0; start < open.length; start += TOLD_AT_ONCE) {
      const page = open.slice(start, start + TOLD_AT_ONCE);
      told.push(...(await Promise.all(page.map((each) => this.tell(each, message, said)))));
    }
    return told;
  }

  private async tell(
    { instanceId, workflowId }: Migration,
    message: 'commit' | 'rollback',
    said: RollbackMessage,
  ): Promise<Told> {
    try {
      await this.holdfast.operation(workflowId)[message](said);
      return { instanceId, accepted: true };
    } catch (error) {
      return { instanceId, accepted: false, why: error instanceof Error ? error.message : String(error) };
    }
  }

  /** The newest migration of each machine. */
  private async migrations(campaignId: string): Promise<Migration[]> {
    const { campaign } = SEARCH_ATTRIBUTES;
    const query = `WorkflowType = "migrateMachine" AND ${campaign.name} = ${JSON.stringify(campaignId)}`;
    const newest = new Map<string, WorkflowExecutionInfo>();
    for await (const info of this.holdfast.temporal.workflow.list({ query })) {
      const known = newest.get(info.workflowId);
      if (!known || info.startTime > known.startTime) newest.set(info.workflowId, info);
    }
    return [...newest.values()].map(migration);
  }

  private async progress(workflowId: string): Promise<{ page: ProgressPage; rows: ProgressRow[] }> {
    const operation = this.holdfast.operation(workflowId);
    try {
      const page = await operation.progress();
      const rows = [...page.rows];
      for (let cursor = page.nextCursor; cursor !== undefined;) {
        const next = await operation.progress(cursor);
        rows.push(...next.rows);
        cursor = next.nextCursor;
      }
      return { page, rows };
    } catch (error) {
      if (!(error instanceof WorkflowNotFoundError)) throw error;
      throw new CampaignNotFound(
        `there is no campaign ${workflowId}; give the workflow id of an encryptVolumes`,
      );
    }
  }
}

function machineStatus(
  { item, state, note, facts }: ProgressRow,
  migration: Migration | undefined,
): MachineStatus {
  const { phase, outcome, workflowId } = migration ?? {};
  return {
    instanceId: item,
    state,
    ...(phase && { phase }),
    ...(outcome && { outcome }),
    ...(workflowId && { workflowId }),
    ...(facts && { downtimeMs: facts.downtimeMs }),
    // After a verdict nothing soaks any more.
    ...(facts?.soakUntil && phase === 'Soaking' && { soakUntil: facts.soakUntil }),
    ...(note && { note }),
  };
}

function migration({ workflowId, status, typedSearchAttributes }: WorkflowExecutionInfo): Migration {
  const value = (name: string) => typedSearchAttributes.get({ name, type: 'KEYWORD' });
  const isOpen = isOpenStatus(status.name);
  const outcome = value(SEARCH_ATTRIBUTES.outcome.name);
  // A terminated migration wrote no outcome, and its phase is where it was left.
  const phase = isOpen || outcome ? value(SEARCH_ATTRIBUTES.phase.name) : status.name;
  return { instanceId: workflowId.split('/').at(-1) ?? '', workflowId, isOpen, phase, outcome };
}
