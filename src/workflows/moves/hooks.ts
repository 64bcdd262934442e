import { ApplicationFailure, TemporalFailure, uuid4 } from '@temporalio/workflow';
import type { Hook } from '../../model/machines/hooks';
import { hookTimeoutMs, type MigrationHookStep } from '../../model/moves/hooks';
import { reasonOf, rootCause } from '../support/failure';
import { protect } from '../support/options';
import type { Migration } from './migration';
import { URGENT } from '../machines/downtime';

/** A system that has just started needs as long for its SSM Agent to answer, at most. */
const AGENT_MS = 5 * 60_000;
/** For delivery, and to end a command that overruns. */
const GRACE_MS = 3 * 60_000;

type Guest = Pick<Migration, 'id' | 'plan' | 'run' | 'terms'>;

/**
 * The last thing before the stop. Should it fail, the machine is not stopped; `post` lets it go on then, unless `pre` never
 * began.
 */
export async function runPre(migration: Migration): Promise<void> {
  const { undo, downtime, run, terms } = migration;
  const { pre, post } = terms.hooks ?? {};
  let mayHaveBegun = pre !== undefined;
  if (post)
    undo.register('post hook', async () => {
      if (mayHaveBegun || downtime.hasBegun) await goOn(migration);
    });
  if (!pre) return;
  run.phase('Bringing the guest to rest');
  try {
    await runHook(migration, 'pre', pre);
  } catch (error) {
    mayHaveBegun = hasBegun(error);
    throw error;
  }
}

/** Part of the gate: what fails here puts the machine back. Like health checks it has what is left of `maxDowntime`. */
export async function runPost(migration: Migration): Promise<void> {
  const { post } = migration.terms.hooks ?? {};
  if (post) await runHook(migration, 'post', post, migration.downtime.leftMs);
}

/** Before the stop of a rollback: a program that is broken shall not keep its machine from going back. */
export async function tryPre(guest: Guest): Promise<void> {
  const { pre } = guest.terms.hooks ?? {};
  if (pre) await tryHook(guest, 'pre-back', pre);
}

/** The machine runs as before: `post` lets it go on. What it says is told, and holds nothing up. */
export async function goOn(guest: Guest): Promise<void> {
  const { post } = guest.terms.hooks ?? {};
  if (post) await tryHook(guest, 'post-back', post);
}

async function tryHook(guest: Guest, step: MigrationHookStep, what: Hook): Promise<void> {
  if (!guest.plan.wasRunning) return;
  try {
    await runHook(guest, step, what);
  } catch (error) {
    if (!(error instanceof TemporalFailure)) throw error;
    const by = what.document ?? what.commands?.join('; ');
    guest.run.remark(`${reasonOf(error)}. The rollback goes on; run it by hand where it matters: \`${by}\`.`);
  }
}

async function runHook(
  { id, plan, run }: Guest,
  step: MigrationHookStep,
  what: Hook,
  leftMs = Infinity,
): Promise<void> {
  const { target, instanceId } = plan;
  const row =
    step === 'pre' || step === 'post' ? `hook ${step}` : `hook ${step.replace('-back', '')}, going back`;
  const timeoutMs = Math.min(hookTimeoutMs(what), leftMs);
  const agentMs = step.startsWith('post') ? Math.min(AGENT_MS, leftMs) : 0;
  run.row(row, 'running');
  try {
    const said = await protect(`Hook ${step} on ${instanceId}`, {
      ...URGENT,
      scheduleToCloseTimeout: agentMs + timeoutMs + GRACE_MS,
    }).runHook({
      ...{ target, instanceId, migrationId: id, step, hook: what, timeoutMs, agentMs },
      number: commandNumber(),
    });
    run.row(row, 'done', said);
  } catch (error) {
    run.row(row, 'failed', reasonOf(error));
    throw error;
  }
}

/** A migration's id outlives its run: what another run has sent is not taken for this one's. */
function commandNumber(): number {
  return 1 + (parseInt(uuid4().slice(0, 8), 16) % 9_999);
}

/** An answer that never came says nothing. */
function hasBegun(error: unknown): boolean {
  const cause = rootCause(error);
  const [said] = cause instanceof ApplicationFailure ? (cause.details ?? []) : [];
  return (said as { begun?: boolean } | undefined)?.begun ?? true;
}
