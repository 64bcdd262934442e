import { CancellationScope, continueAsNew, workflowInfo } from '@temporalio/workflow';
import { FAILURE } from '../../../model/failures';
import { listed } from '../../../model/list';
import {
  encryptSnapshotsInput,
  type EncryptSnapshotsInput,
  type EncryptSnapshotsRequest,
  type EncryptSnapshotsResult,
  type SnapshotScope,
} from '../../../model/encryption/snapshots/snapshotEncryption';
import { howToSend } from '../../../model/messages';
import { targetKey } from '../../../model/target';
import { CommitOrders, type CommitOrder } from './orders';
import { SnapshotRun } from './run';
import type { SnapshotState } from './state';
import { emptyTally, leftOutText, resultOfTally, waiting } from './tally';
import { fail, settle } from '../../support/failure';
import { requireCustomerManagedKey } from '../../keys/customerManaged';
import { makerOf } from '../../support/maker';
import { tellPeople } from '../../support/notices';
import { runOperation, type Run } from '../../support/operation';
import { batch } from '../../support/options';
import { resolveTarget } from '../../support/target';
import { UndoStack } from '../../support/undo';
import { showUndone, undoAndRethrow } from '../../support/undone';

/**
 * Copies snapshots that are not encrypted under a customer managed key, and deletes the originals, only after `commit`.
 * The copies take over everything that the originals were; until the commit they count as nothing, and a cancel or
 * `rollback` deletes them. Snapshots that could not be deleted are not copied either: they are listed, with what to do.
 */
export async function encryptSnapshots(
  input: EncryptSnapshotsInput,
  carried?: SnapshotState,
): Promise<EncryptSnapshotsResult> {
  return runOperation(encryptSnapshotsInput, input, async (request, run) => {
    const orders = new CommitOrders(carried?.orders ?? [], carried?.stage === 'waiting');
    if (!carried) run.phase('Planning');
    const state = carried ?? (await begin(request));
    const { target } = state.scope;
    run.about({ target });
    const snapshots = new SnapshotRun(state, run, orders, (next) =>
      continueAsNew<typeof encryptSnapshots>(input, next),
    );
    await snapshots.plan();
    requireSomething(request, state);
    if (request.dryRun) return reportPlan(snapshots);
    const undo = new UndoStack();
    undo.register('encrypted copies that are not committed', () => takeBackCopies(snapshots, run));
    try {
      await copyAll(snapshots, run);
    } catch (error) {
      return undoAndRethrow(error, run, undo);
    }
    while (waiting(snapshots.tally) > 0) {
      const order = await nextOrder(snapshots, orders, run).catch((error: unknown) =>
        undoAndRethrow(error, run, undo),
      );
      if (order.verdict === 'rollback') return rollBackCopies(order, snapshots, run);
      delete snapshots.state.held;
      run.phase('Committing');
      // What has begun to be committed is finished.
      const problem = await CancellationScope.nonCancellable(() => snapshots.commit(order));
      if (problem) await CancellationScope.nonCancellable(() => tellNotCommitted(problem, snapshots.state));
      if (orders.isEmpty) await snapshots.goOn();
    }
    return settleSnapshots(snapshots);
  });
}

async function begin(request: EncryptSnapshotsRequest): Promise<SnapshotState> {
  const target = await resolveTarget(request.target);
  const kmsKeyArn = await requireCustomerManagedKey(target, request.kmsKeyId);
  const { snapshotIds, selector } = request;
  const scope: SnapshotScope = { target, kmsKeyArn, snapshotIds, selector, maker: makerOf(request) };
  return { scope, stage: 'planning', tally: emptyTally() };
}

/** Where nothing is unencrypted, all is as it was asked for; tags that match nothing may be wrong. */
function requireSomething({ selector }: EncryptSnapshotsRequest, { tally, scope }: SnapshotState): void {
  const { planned: found, done, kept, leftOut } = tally;
  if (found.total + done.total + kept.total + (leftOut ?? 0) > 0 || !selector || selector.unencrypted) return;
  throw fail(
    FAILURE.nothingSelected,
    `selector: no snapshot in ${targetKey(scope.target)} matches ${JSON.stringify(selector)}`,
  );
}

async function reportPlan(snapshots: SnapshotRun): Promise<EncryptSnapshotsResult> {
  const { planned: would, done, kept, leftOut = 0 } = snapshots.tally;
  const { target } = snapshots.state.scope;
  return {
    ...(await gatherResult(snapshots)),
    summary: `Dry run: ${would.total} snapshots in ${targetKey(target)} would be encrypted, ${done.total} are, ${kept.total} would be left as they are${leftOutText(leftOut)}`,
    plan: listed(would.items, would.total),
  };
}

async function copyAll(snapshots: SnapshotRun, run: Run): Promise<void> {
  const { state } = snapshots;
  if (state.stage === 'planning' && state.tally.planned.total > 0) {
    // The copying decides again, and counts anew.
    state.tally = { ...emptyTally(), planned: state.tally.planned };
    state.stage = 'copying';
  }
  if (state.stage !== 'copying') return;
  run.phase('Copying');
  await snapshots.copy();
  state.stage = 'waiting';
  const { unproven } = state.tally;
  if (unproven && unproven.total > 0)
    run.remark(
      `${unproven.total} snapshots carry the marks of encrypted copies, and no run has recorded them as its own; they were left alone: ${unproven.items.join(', ')}`,
    );
}

async function nextOrder(snapshots: SnapshotRun, orders: CommitOrders, run: Run): Promise<CommitOrder> {
  const { committing } = snapshots.state;
  if (committing) return committing.order;
  const { held: refused } = snapshots.state;
  run.phase(refused === undefined ? 'Waiting for commit' : 'Needs a person');
  const decide = `\`commit\` deletes their unencrypted originals, \`rollback\` deletes the copies; nothing happens by itself.\n\n${howToSend(workflowInfo().workflowId, { commit: {}, rollback: {} })}`;
  const complete = `${waiting(snapshots.tally)} encrypted copies are complete`;
  run.waitsFor([...(refused === undefined ? [] : [refused]), `${complete}. ${decide}`].join('\n\n'));
  const order = await orders.awaitOrder();
  run.waitsFor();
  run.remark(`Told to ${order.verdict} by ${order.by}: ${order.reason}`);
  return order;
}

/** What could not be committed is there, and so is its original: a person mends what stands against it. */
async function tellNotCommitted(problem: string, state: SnapshotState): Promise<void> {
  state.held = `Not committed, and nothing of it deleted: ${problem}. When that is mended, send \`commit\` again; or \`rollback\`.`;
  await tellPeople({ kind: 'NeedsPerson', summary: state.held });
}

async function takeBackCopies(snapshots: SnapshotRun, run: Run): Promise<void> {
  const report = await snapshots.takeBack();
  if (report.failed.length === 0) return showUndone(run, report);
  const [first] = report.failed;
  throw fail(
    first?.type ?? FAILURE.serviceError,
    `${report.failed.length} stay, as ${first?.item}: ${first?.message}`,
  );
}

async function rollBackCopies(
  { by, reason }: CommitOrder,
  snapshots: SnapshotRun,
  run: Run,
): Promise<EncryptSnapshotsResult> {
  run.phase('Rolling back');
  await CancellationScope.nonCancellable(() => takeBackCopies(snapshots, run));
  const { total } = snapshots.tally.encrypted;
  throw fail(
    FAILURE.rolledBack,
    `rolled back by ${by}: ${reason}; the copies are deleted, and ${total} originals had been committed before`,
    await gatherResult(snapshots),
  );
}

/** What stays unencrypted although it was asked for makes the run fail: somebody has to look at it. */
async function settleSnapshots(snapshots: SnapshotRun): Promise<EncryptSnapshotsResult> {
  const { encrypted, done, kept, failed } = snapshots.tally;
  return settle(await gatherResult(snapshots), {
    what: 'snapshots',
    succeeded: encrypted.total + done.total,
    failed: kept.total + failed.total,
  });
}

async function gatherResult(snapshots: SnapshotRun): Promise<EncryptSnapshotsResult> {
  const { target } = snapshots.state.scope;
  const residue = await batch('Look for what is not encrypted').findUnencrypted({ target });
  return resultOfTally(snapshots.tally, target, residue);
}
