import { CancellationScope, isCancellation } from '@temporalio/workflow';
import { FAILURE } from '../../../model/failures';
import {
  migrateVolumeInput,
  type MigrateVolumeInput,
  type MigrateVolumeRequest,
  type MigrateVolumeResult,
  type VolumeReport,
} from '../../../model/moves/loneVolume';
import { announce, failedMove } from '../announce';
import { adoptInterruptedVolume } from './adopt';
import { requireNotReplaced } from '../itsOwn';
import { beginMove, makeEncryptedVolume, finishMove, type Moved } from './steps';
import { soakVolume } from './soak';
import { newMove, type Move } from '../migration';
import { Orders } from '../orders';
import { fail, failureType, reasonOf } from '../../support/failure';
import { runOperation, type Run } from '../../support/operation';
import { read } from '../../support/options';

/**
 * Replaces one volume that is attached to nothing by an encrypted one. Its workflow id,
 * `volume/<account>/<region>/<volume>`, is the lock. Until the new volume is there, and nobody has used the old one
 * meanwhile, any failure removes what was made; after it the original is kept until `commit`, and `rollback` goes back to it.
 */
export async function migrateVolume(input: MigrateVolumeInput): Promise<MigrateVolumeResult> {
  return runOperation(migrateVolumeInput, input, async (request, run) => {
    const orders = new Orders(run);
    const { target, volumeId, campaignId } = request;
    run.about({ campaign: campaignId, target, resources: [volumeId] });
    try {
      const moved =
        (await adoptInterruptedVolume(request, run, orders)) ?? (await moveVolume(request, run, orders));
      if ('outcome' in moved) return { committed: false, ...(await announce(campaignId, moved)) };
      const report = await announce(campaignId, encryptedReport(volumeId, moved));
      const { soakMs } = request;
      const soak = { writesSince: moved.writesSince, ...(soakMs !== undefined && { soakMs }) };
      return await soakVolume(moved, report, soak);
    } catch (error) {
      const failed: VolumeReport = { volumeId, ...failedMove(error) };
      await CancellationScope.nonCancellable(() => announce(campaignId, failed));
      throw error;
    }
  });
}

/** @returns a report instead where there was nothing to do */
async function moveVolume(
  request: MigrateVolumeRequest,
  run: Run,
  orders: Orders,
): Promise<Moved | VolumeReport> {
  const { target, volumeId, kmsKeyArn, strategy: asked, rekey } = request;
  run.phase('Planning');
  const wanted = { target, volumeId, kmsKeyArn, strategy: asked, rekey };
  const decision = await read(`Plan ${volumeId}`).planVolume(wanted);
  if (decision.kind === 'nothing')
    return { volumeId, outcome: 'nothing', message: decision.reason, volumeIdMap: {} };
  if (decision.kind !== 'plan') throw fail(FAILURE.notMigratable, `${volumeId}: ${refusal(decision)}`);
  const { strategy, volumeId: _, cost: __, ...plan } = decision.plan;
  run.row(volumeId, 'planned', strategy.why);
  const move = newMove(plan, run, orders, request);
  try {
    await beginMove(move);
    const lastMoment = Date.now();
    const replacements = await makeEncryptedVolume(move, strategy.name);
    const writesSince = Date.now();
    const references = await finishMove(move);
    return { move, replacements, writesSince, lastMoment, references, strategy };
  } catch (failure) {
    return await rollBackMove(move, volumeId, failure);
  }
}

function refusal(decision: { kind: 'blocked'; reasons: string[] } | { kind: 'interrupted' }): string {
  return decision.kind === 'blocked' ? decision.reasons.join('; ') : 'another move of it is half-way';
}

/** What was made is gone and the original as it was, verified; what cannot be undone waits for a person. */
async function rollBackMove(move: Move, volumeId: string, failure: unknown): Promise<never> {
  const { run, orders, undo } = move;
  run.phase('Rolling back');
  run.remark(`Rolling back because: ${reasonOf(failure)}`);
  await requireNotReplaced(move);
  const { undone } = await undo.unwind((stuck) => orders.awaitResume(stuck));
  if (isCancellation(failure)) throw failure;
  const why = `${failureType(failure)}: ${reasonOf(failure)}`;
  const result = { volumeId, outcome: 'rolledBack', message: why, volumeIdMap: {}, committed: false, undone };
  throw fail(FAILURE.rolledBack, `${volumeId} is as it was before. ${why}`, result);
}

function encryptedReport(
  volumeId: string,
  { replacements, references, writesSince, strategy }: Moved,
): VolumeReport {
  return {
    volumeId,
    outcome: 'encrypted',
    message: `${replacements[volumeId]} replaces it; it is kept until commit`,
    volumeIdMap: replacements,
    writesSince: new Date(writesSince).toISOString(),
    references,
    ...(strategy && { strategy: { name: strategy.name, why: strategy.why } }),
  };
}
