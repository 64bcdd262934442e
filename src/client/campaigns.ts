import { WorkflowNotFoundError, type WorkflowExecutionInfo } from '@temporalio/client';
import type { RollbackMessage } from '../model/messages';
import { SEARCH_ATTRIBUTES } from '../model/names';
import { isOpenStatus } from '../model/openStatus';
import type { ProgressPage, ProgressRow } from '../model/progress';
import { inChunks } from '../model/group';
import { OperationNotFound } from './errors';
import type { Holdfast } from './operations';

/** Updates that are under way at the same time. */
const TOLD_AT_ONCE = 10;

/** One machine of a campaign: what the campaign says of it, and where its own workflow is. */
export interface MachineStatus {
  instanceId: string;
  /** `planned`, `migrating`, `encrypted`, `rolledBack`, `blocked`, `needs a person`, … */
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
    const { phase, waitsFor } = page;
    const undone = await this.findRolledBack(rows, migrations);
    const machines = rows.map((row) => machineStatus(row, migrations.get(row.item), undone.has(row.item)));
    const counts: Record<string, number> = {};
    for (const { state } of machines) counts[state] = (counts[state] ?? 0) + 1;
    return { workflowId, phase, ...(waitsFor && { waitsFor }), counts, machines };
  }

  /**
   * Tells every migration of the campaign that is still open; one that is not in soak says so.
   *
   * @throws CampaignNotFound
   */
  async tellMachines(
    campaignId: string,
    message: 'commit' | 'rollback',
    said: RollbackMessage,
  ): Promise<Told[]> {
    const all = await this.migrations(campaignId);
    // Migrations outlive what Temporal keeps of their campaign.
    if (all.length === 0) await this.requireCampaign(campaignId);
    const open = all.filter(({ isOpen }) => isOpen);
    const told: Told[] = [];
    for (const page of inChunks(open, TOLD_AT_ONCE))
      told.push(...(await Promise.all(page.map((each) => this.tell(each, message, said)))));
    return told;
  }

  /** Machines that a person has sent back after the campaign's word: such a migration did what it was told, and succeeded. */
  private async findRolledBack(
    rows: readonly ProgressRow[],
    migrations: ReadonlyMap<string, Migration>,
  ): Promise<Set<string>> {
    const ended = rows.flatMap(({ item, state }) => {
      const migration = migrations.get(item);
      return state === 'encrypted' && migration?.outcome === 'Succeeded' ? [migration] : [];
    });
    const undone = new Set<string>();
    for (const page of inChunks(ended, TOLD_AT_ONCE))
      await Promise.all(
        page.map(async ({ instanceId, workflowId }) => {
          const result = await this.holdfast.operation<{ outcome?: string }>(workflowId).result();
          if (result.outcome === 'rolledBack') undone.add(instanceId);
        }),
      );
    return undone;
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

  /** The newest migration of each machine, and of each volume without one. */
  private async migrations(campaignId: string): Promise<Migration[]> {
    const { campaign } = SEARCH_ATTRIBUTES;
    const query = `WorkflowType IN ("migrateMachine", "migrateVolume") AND ${campaign.name} = ${JSON.stringify(campaignId)}`;
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
      throw error instanceof OperationNotFound ? noCampaign(workflowId) : error;
    }
  }

  private async requireCampaign(workflowId: string): Promise<void> {
    try {
      const { type } = await this.holdfast.temporal.workflow.getHandle(workflowId).describe();
      if (type === 'encryptVolumes') return;
    } catch (error) {
      if (!(error instanceof WorkflowNotFoundError)) throw error;
    }
    throw noCampaign(workflowId);
  }
}

function noCampaign(workflowId: string): CampaignNotFound {
  return new CampaignNotFound(
    `there is no campaign ${workflowId}; give the workflow id of an encryptVolumes`,
  );
}

/** A campaign keeps the first word of a migration, which may go on for weeks after it. */
function stateNow(state: string, migration: Migration | undefined, isUndone: boolean): string {
  if (isUndone) return 'rolledBack';
  if (migration?.isOpen && migration.phase === 'Needs a person') return 'needs a person';
  // What the campaign itself calls failed or blocked is no better now.
  if (!migration || migration.isOpen || !['encrypted', 'migrating'].includes(state)) return state;
  if (migration.outcome === 'Succeeded') return state;
  // One that was terminated has no outcome.
  return BADLY_ENDED[migration.outcome ?? ''] ?? 'failed';
}

const BADLY_ENDED: Partial<Record<string, string>> = { RolledBack: 'rolledBack', Cancelled: 'cancelled' };

function machineStatus(
  { item, state, note, facts }: ProgressRow,
  migration: Migration | undefined,
  isUndone: boolean,
): MachineStatus {
  const { phase, outcome, workflowId } = migration ?? {};
  return {
    instanceId: item,
    state: stateNow(state, migration, isUndone),
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
