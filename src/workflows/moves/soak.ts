import { CancellationScope, isCancellation, patched, workflowInfo } from '@temporalio/workflow';
import type { MigrateMachineResult, MigrationReport } from '../../model/moves/migration';
import { formatDuration } from '../../model/duration';
import { FAILURE } from '../../model/failures';
import { howToSend } from '../../model/messages';
import { fail, failedItem } from '../support/failure';
import { batch, mutate, read } from '../support/options';
import { makeFinalPoint, UNTIL_GONE, type FinalPoint } from './finalPoint';
import { endWithoutMachine, awaitMachineVerdict, requireMachine } from './soakWatch';
import type { Migration, Move } from './migration';
import { isDiversion, tryUntilDone, type Soak, type Verdict } from './orders';
import { rollBackSwap } from './rollback';
import { deleteStaging, removeMarks } from './undoing';

/**
 * The originals are kept until somebody commits or rolls back; a cancel rolls back. Once decided it is carried
 * through: a step that fails waits for a person.
 */
export async function soakUntilVerdict(
  migration: Migration,
  report: MigrationReport,
  soak: MachineSoak,
): Promise<MigrateMachineResult> {
  const { instanceId } = migration.plan;
  const kept = `${instanceId} has its new volumes. Its originals are detached and kept until somebody decides: \`commit\` deletes them, and keeps a recovery point of their last moment; \`rollback\` puts them back, and keeps what was written since as a recovery point.`;
  const tell = (endsAt: number | undefined) =>
    migration.run.waitsFor(soakText(kept, soak, withoutVerdict(soak, endsAt, 'they are deleted')));
  tell(undefined);
  return carryOutVerdict<MigrateMachineResult>(migration, () => awaitMachineVerdict(migration, soak, tell), {
    commit: async () => {
      await requireMachine(migration);
      const kept = await commit(migration, soak.lastMoment, () => removeMarks(migration));
      return {
        ...report,
        ...committed(migration, kept, 'its original volumes are deleted'),
        committed: true,
      };
    },
    rollback: async () => {
      await requireMachine(migration);
      return rollBackSwap(migration, report);
    },
    gone: () => endWithoutMachine(migration, report),
  });
}

export interface MachineSoak extends Soak {
  /** When the originals were written to for the last time, at the latest: milliseconds since the epoch. */
  lastMoment: number;
}

/**
 * For whoever opens a migration in soak and knows nothing of it: what is kept and what can be decided, what comes by itself, and what to
 * send, with what a rollback has to accept.
 */
export function soakText(kept: string, { writesSince }: Soak, byItself: string): string {
  const accepted = { acceptWriteLossSince: new Date(writesSince).toISOString() };
  return `${kept}${byItself}\n\n${howToSend(workflowInfo().workflowId, { commit: {}, rollback: accepted })}`;
}

/**
 * What comes by itself, and when.
 *
 * @param endsAt of the soak, in milliseconds since the epoch; undefined while the machine has not been started
 */
export function withoutVerdict({ soakMs }: Soak, endsAt: number | undefined, what: string): string {
  if (soakMs === undefined) return ' Nothing happens by itself.';
  return endsAt === undefined
    ? ` Without a verdict ${what} ${formatDuration(soakMs)} after its first healthy start.`
    : ` Without a verdict ${what} at ${new Date(endsAt).toISOString()}.`;
}

/** `gone` where the machine does not exist any more. */
type End = Verdict | 'gone';

/**
 * Waits for the verdict, and carries it through although the run is cancelled. Until its first step that cannot be undone, a
 * verdict that is stuck can be changed.
 */
export async function carryOutVerdict<Result>(
  { run, orders }: Move,
  wait: () => Promise<End>,
  carryOut: Record<Verdict, () => Promise<Result>> & { gone?: () => Promise<Result> },
): Promise<Result> {
  run.phase('Soaking');
  let verdict: End = 'rollback';
  let cancelled: Error | undefined;
  try {
    verdict = await wait();
  } catch (error) {
    if (!isCancellation(error) || !(error instanceof Error)) throw error;
    cancelled = error;
    verdict = orders.rollBackByCancel();
  }
  for (;;) {
    run.waitsFor();
    if (verdict === 'gone') orders.finalize();
    else orders.carryOut(verdict);
    try {
      const act = verdict === 'gone' ? carryOut.gone : carryOut[verdict];
      const result = await CancellationScope.nonCancellable(act ?? carryOut.rollback);
      if (cancelled) throw cancelled;
      return result;
    } catch (error) {
      if (!isDiversion(error)) throw error;
      verdict = isDiversion(error, 'machineGone') ? 'gone' : (orders.given ?? 'rollback');
    }
  }
}

/** What of the originals stays, and what does not. */
export function committed(
  { plan }: Move,
  kept: FinalPoint,
  deleted: string,
): { message: string; lost?: string[] } {
  const lost = plan.disks.map(({ volumeId }) => volumeId).filter((volumeId) => kept[volumeId] === undefined);
  if (lost.length === 0)
    return { message: `committed: ${deleted}, and a recovery point of their last moment stays` };
  const but = `no recovery point holds ${lost.join(', ')}, deleted by somebody before`;
  const stays =
    lost.length < plan.disks.length ? 'a recovery point of the others’ last moment stays, and ' : '';
  return { message: `committed: ${deleted}; ${stays}${but}`, lost };
}

async function requireKey({ target, kmsKeyArn }: Move['plan']): Promise<void> {
  const problem = await read('Look at its key').keyProblem({ target, kmsKeyArn });
  if (problem !== undefined) throw fail(FAILURE.keyUnusable, `${kmsKeyArn}: ${problem}`);
}

/**
 * The commit point: originals are deleted; encrypted snapshots of their last moment stay as a recovery point. What that
 * relies on is asked again by the activity that deletes.
 *
 * @param lastMoment that the point holds, in milliseconds since the epoch
 * @returns the snapshot of each original, but of those that somebody had deleted before
 */
export async function commit(
  move: Move,
  lastMoment: number,
  removeMarks: () => Promise<unknown>,
): Promise<FinalPoint> {
  const { plan, id, run, orders, made, maker } = move;
  const step = (item: string, act: () => Promise<unknown>) =>
    tryUntilDone(orders, item, act, (error) => failedItem(item, error));
  run.phase('Committing');
  const asksAgain = patched('commit-asks-again');
  let kept: FinalPoint = {};
  const keep = async () => {
    // Copies under a key that cannot be used all fail, and say less than the key does.
    if (asksAgain) await requireKey(plan);
    kept = await makeFinalPoint(move);
    if (!asksAgain) {
      const snapshotIds = Object.values(kept);
      return mutate('Keep the final encrypted snapshots').keepAsRecoveryPoint({
        ...{ plan, migrationId: id, snapshotIds },
      });
    }
    if (Object.keys(kept).length === 0) return undefined;
    return batch('Keep the final encrypted snapshots').keepPoint({
      ...{ plan, pointId: id, snapshots: kept, volumes: made.volumes, takenAtMs: lastMoment, maker },
    });
  };
  await step('keep the final recovery point', keep);
  let wasRefused = false;
  await step('delete the originals', async () => {
    if (!asksAgain) return mutate('Delete the original volumes').deleteOriginals({ plan, migrationId: id });
    // It may be the point that was not there any more.
    if (wasRefused) await keep();
    wasRefused = true;
    try {
      await batch('Delete the original volumes').deleteProvenOriginals({
        ...{ plan, migrationId: id },
        substitutes: { volumes: made.volumes, snapshots: kept },
      });
    } catch (error) {
      // With one of them gone there is no way back to all of them.
      const left = await read('Look which originals are there', UNTIL_GONE).originalsThere({ plan });
      if (left.length < plan.disks.length) orders.finalize();
      throw error;
    }
  });
  orders.finalize();
  await step('delete staging snapshots', () => deleteStaging(move, Object.values(kept)));
  await step('remove the marks', removeMarks);
  return kept;
}
