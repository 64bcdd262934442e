import {
  allHandlersFinished,
  ApplicationFailure,
  CancellationScope,
  condition,
  ContinueAsNew,
  defineQuery,
  isCancellation,
  log,
  patched,
  setCurrentDetails,
  setHandler,
  TemporalFailure,
  upsertSearchAttributes,
  workflowInfo,
} from '@temporalio/workflow';
import type { z } from 'zod';
import type { RunsEnd } from '../../activities/support/evidence';
import { FAILURE } from '../../model/failures';
import { parseInput } from '../../model/input';
import { MAX_RESOURCES_IN_SEARCH_ATTRIBUTE, SEARCH_ATTRIBUTES } from '../../model/names';
import type { Outcome } from '../../model/outcome';
import {
  progressMarkdown,
  progressPage,
  type ProgressPage,
  type ProgressQuery,
  type ProgressRow,
} from '../../model/progress';
import type { Target } from '../../model/target';
import { fail, failureType, inOwnWords, reasonOf } from './failure';
import { refuseOtherMessages } from './messages';
import { tellOfFailure } from './notices';
import { evidence } from './options';

export const progressQuery = defineQuery<ProgressPage, [ProgressQuery?]>('progress');

/** What the run is about; each becomes a search attribute. */
interface Subject {
  policy?: string;
  campaign?: string;
  target?: Target;
  resources?: string[];
}

/** What people see of a run, for the run that continues it as new. */
export interface CarriedRun {
  startedAt: number;
  rows: ProgressRow[];
  remarks: string[];
}

/** One run of a public workflow, as people and programs see it from outside. */
export class Run {
  private phaseName = 'Starting';
  private readonly table = new Map<string, ProgressRow>();
  private readonly remarks: string[] = [];
  private waiting: string | undefined;
  private began = Date.now();
  /** Told with the evidence, in one call. */
  alarms: RunsEnd['heartbeat'];

  constructor() {
    setHandler(progressQuery, (query) => this.page(query), {
      description: 'Phase, counts and one page of items; pass {"cursor": nextCursor} for the next',
    });
  }

  get startedAt(): number {
    return this.began;
  }

  carried(): CarriedRun {
    return { startedAt: this.began, rows: [...this.table.values()], remarks: this.remarks };
  }

  /** Goes on where the run before left off. */
  restore({ startedAt, rows, remarks }: CarriedRun): void {
    this.began = startedAt;
    this.remarks.push(...remarks);
    this.rows(rows);
  }

  /** Says above the table what the run waits for; nothing when it goes on. */
  waitsFor(text?: string): void {
    this.waiting = text;
    this.show();
  }

  /** Says what happens now, in the search attribute `HoldfastPhase` and on the details page. */
  phase(name: string): void {
    this.phaseName = name;
    upsertSearchAttributes([{ key: SEARCH_ATTRIBUTES.phase, value: name }]);
    this.show();
  }

  /** @param phase said in the same change */
  about({ policy, campaign, target, resources }: Subject, phase?: string): void {
    if (phase) this.phaseName = phase;
    const attributes = [
      ...(policy ? [{ key: SEARCH_ATTRIBUTES.policy, value: policy }] : []),
      ...(campaign ? [{ key: SEARCH_ATTRIBUTES.campaign, value: campaign }] : []),
      ...(target
        ? [
            { key: SEARCH_ATTRIBUTES.account, value: target.accountId },
            { key: SEARCH_ATTRIBUTES.region, value: target.region },
          ]
        : []),
      ...(resources
        ? [{ key: SEARCH_ATTRIBUTES.resource, value: resources.slice(0, MAX_RESOURCES_IN_SEARCH_ATTRIBUTE) }]
        : []),
      ...(phase ? [{ key: SEARCH_ATTRIBUTES.phase, value: phase }] : []),
    ];
    // The server refuses an empty change, again and again.
    if (attributes.length > 0) upsertSearchAttributes(attributes);
    if (phase) this.show();
  }

  /** Adds or changes one line of the progress table. */
  row(item: string, state: string, note?: string): void {
    this.rows([{ item, state, ...(note && { note }) }]);
  }

  /** Many lines at once. */
  rows(rows: readonly ProgressRow[]): void {
    for (const row of rows) this.table.set(row.item, row);
    this.show();
  }

  /** A sentence that stays above the table: a warning, a command to run next. */
  remark(text: string): void {
    if (!this.remarks.includes(text)) this.remarks.push(text);
    this.show();
  }

  end(outcome: Outcome): void {
    upsertSearchAttributes([
      { key: SEARCH_ATTRIBUTES.outcome, value: outcome },
      { key: SEARCH_ATTRIBUTES.phase, value: 'Done' },
    ]);
    this.phaseName = outcome;
    this.show();
  }

  private page(query: ProgressQuery | undefined): ProgressPage {
    const page = progressPage(this.phaseName, [...this.table.values()], query);
    return { ...page, ...(this.waiting && { waitsFor: this.waiting }) };
  }

  private show(): void {
    const remarks = this.waiting ? [this.waiting, ...this.remarks] : this.remarks;
    setCurrentDetails(progressMarkdown(this.phaseName, [...this.table.values()], remarks));
  }
}

/**
 * The frame of every public workflow: validates the input before anything else happens, sets the search attributes,
 * answers `progress`, and at the end waits for message handlers, sets the outcome and leaves evidence.
 * Handlers for messages belong at the top of `body`, before its first await.
 *
 * @throws ApplicationFailure InvalidInput, non-retryable, naming every wrong field
 */
export async function runOperation<Schema extends z.ZodType, Result>(
  schema: Schema,
  input: unknown,
  body: (request: z.output<Schema>, run: Run) => Promise<Result>,
): Promise<Result> {
  const run = new Run();
  run.phase('Starting');
  const parsed = parseInput(schema, input);
  if (!parsed.ok) {
    run.remark(parsed.problems);
    run.end('InvalidInput');
    throw fail(FAILURE.invalidInput, `${workflowInfo().workflowType}: ${parsed.problems}`);
  }
  try {
    const working = body(parsed.value, run);
    // The body has set its handlers by now: what none of them takes is a slip.
    refuseOtherMessages((refusal) => run.remark(refusal));
    const result = await working;
    await conclude(run, 'Succeeded', parsed.value, result);
    return result;
  } catch (error) {
    if (error instanceof ContinueAsNew) await condition(allHandlersFinished);
    // Anything else is a defect: it fails the workflow task, which a fixed worker then does again, and not the run.
    if (!(error instanceof TemporalFailure)) throw error;
    await concludeFailed(run, error, parsed.value);
    throw inOwnWords(error);
  }
}

async function concludeFailed(run: Run, error: TemporalFailure, request: unknown): Promise<void> {
  const outcome = outcomeOf(error);
  const summary = `${failureType(error)}: ${reasonOf(error)}`;
  if (outcome !== 'Cancelled') {
    run.remark(summary);
    if (!isTried(request) || !patched('dry-runs-tell-nobody'))
      await tellToTheEnd(() => tellOfFailure(outcome, summary));
  }
  await conclude(run, outcome, request, detailsOf(error));
}

/** Whoever tries something out sits before it: nobody is to be woken by what changes nothing. Nobody sits before a Schedule. */
function isTried(request: unknown): boolean {
  const { workflowType, typedSearchAttributes } = workflowInfo();
  if (typedSearchAttributes.get({ name: 'TemporalScheduledById', type: 'KEYWORD' }) !== undefined)
    return false;
  return workflowType === 'planBackupPolicy' || (request as { dryRun?: boolean }).dryRun === true;
}

/** A run that was cancelled, and failed at what that began, is no less a failure. */
async function tellToTheEnd(tell: () => Promise<void>): Promise<void> {
  const isCancelled = CancellationScope.current().consideredCancelled;
  if (isCancelled && patched('failures-of-cancelled-runs-are-told'))
    await CancellationScope.nonCancellable(tell);
  else await tell();
}

/** Runs even when the workflow was cancelled: an undone campaign leaves evidence too. */
async function conclude(run: Run, outcome: Outcome, request: unknown, result: unknown): Promise<void> {
  await CancellationScope.nonCancellable(async () => {
    await condition(allHandlersFinished);
    run.end(outcome);
    const { workflowType, workflowId, runId } = workflowInfo();
    try {
      await evidence('Keep evidence').recordEvidence({
        workflowType,
        workflowId,
        runId,
        outcome,
        request,
        result,
        startedAt: run.startedAt,
        ...(run.alarms && { heartbeat: run.alarms }),
      });
    } catch (error) {
      log.error('evidence could not be kept', { error });
      run.remark(
        `Evidence could not be kept: ${failureType(error)}. The result of this run is its only record.`,
      );
    }
  });
}

function outcomeOf(error: unknown): Outcome {
  if (isCancellation(error)) return 'Cancelled';
  const type = failureType(error);
  if (type === FAILURE.partialFailure) return 'PartialFailure';
  if (type === FAILURE.allFailed) return 'AllFailed';
  if (type === FAILURE.rolledBack) return 'RolledBack';
  if (type === FAILURE.invalidInput) return 'InvalidInput';
  return 'Failed';
}

function detailsOf(error: unknown): unknown {
  if (error instanceof ApplicationFailure && error.details?.length) return error.details[0];
  return { type: failureType(error), message: reasonOf(error) };
}
