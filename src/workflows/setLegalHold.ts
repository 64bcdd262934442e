import { condition, continueAsNew, upsertMemo, workflowInfo } from '@temporalio/workflow';
import {
  APPROVERS,
  HOLD_MEMO,
  holdTitle,
  setLegalHoldInput,
  sourceOf,
  type Approval,
  type HeldPlace,
  type Hold,
  type SetLegalHoldInput,
  type SetLegalHoldRequest,
  type SetLegalHoldResult,
} from '../model/hold';
import { listed } from '../model/list';
import { targetKey, type Target } from '../model/target';
import { takes } from './support/messages';
import { operation, type Run } from './support/operation';
import { batch, read } from './support/options';

/** Points that a run made without knowing of the hold are found this soon. */
const LOOK_EVERY = '1 hour';

/**
 * Keeps recovery points whatever their retention says, until two different people have approved the release. It is
 * open as long as the hold is. Terminated or cancelled, it leaves its marks, and what carries them stays held: the same
 * hold started again takes it over.
 */
export async function setLegalHold(
  input: SetLegalHoldInput,
  carried: Approval[] = [],
): Promise<SetLegalHoldResult> {
  let approvals = carried;
  return operation(setLegalHoldInput, input, async (request, run) => {
    takes(
      'approve',
      ({ by, reason }) => void (approvals = [...approvals, { by, reason }]),
      ({ by }) =>
        approvals.some((each) => each.by === by)
          ? `${by} has approved already; somebody else must`
          : undefined,
    );
    takes('reject', () => void (approvals = []));
    const { policyName, lineage } = request;
    run.about({ policy: policyName, resources: lineage === undefined ? undefined : [sourceOf(lineage)] });
    const hold = await read('Describe the hold').describeHold({ request });
    upsertMemo({ [HOLD_MEMO]: hold });
    run.remark(`Legal hold ${hold.holdId} on ${holdTitle(hold)}: ${hold.reason}`);
    for (;;) {
      run.phase('On hold');
      const places = await holdEverywhere(request, hold, run);
      const isReleased = await condition(() => approvals.length >= APPROVERS, LOOK_EVERY);
      if (isReleased && (await mayRelease(hold, run))) return release(hold, places, approvals, run);
      if (isReleased) approvals = [];
      if (workflowInfo().continueAsNewSuggested) await continueAsNew<typeof setLegalHold>(input, approvals);
    }
  });
}

async function holdEverywhere({ targets }: SetLegalHoldRequest, hold: Hold, run: Run): Promise<HeldPlace[]> {
  const policies = await read('Read the policies').allPolicies();
  const places: HeldPlace[] = [];
  for (const target of await read('Find places').holdPlaces({ targets, policies })) {
    const place = await batch(`Hold points in ${targetKey(target)}`).holdPoints({ target, hold });
    const state = place.failed.length > 0 ? `${place.failed.length} not held` : 'held';
    run.row(targetKey(target), state, place.failed[0]?.message ?? `${place.held} snapshots`);
    places.push(place);
  }
  return places;
}

/** A policy that still asks for the hold would open it again with its next run. */
async function mayRelease({ policyName }: Hold, run: Run): Promise<boolean> {
  const policies = policyName === undefined ? [] : await read('Read the policies').allPolicies();
  if (!policies.some((policy) => policy.policyName === policyName && policy.legalHold !== undefined))
    return true;
  run.remark(
    `Not released: policy ${policyName} itself asks for the hold. Take legalHold out of the policy, then approve again.`,
  );
  return false;
}

async function release(
  hold: Hold,
  places: readonly HeldPlace[],
  approvedBy: Approval[],
  run: Run,
): Promise<SetLegalHoldResult> {
  run.phase('Releasing');
  let released = 0;
  for (const { target } of places) released += await releaseIn(target, hold, run);
  return { ...hold, released, approvedBy, failed: listed(places.flatMap(({ failed }) => failed)) };
}

async function releaseIn(target: Target, { holdId }: Hold, run: Run): Promise<number> {
  const count = await batch(`Release points in ${targetKey(target)}`).releasePoints({ target, holdId });
  run.row(targetKey(target), 'released', `${count} snapshots`);
  return count;
}
