import {
  condition,
  continueAsNew,
  isCancellation,
  patched,
  upsertMemo,
  workflowInfo,
} from '@temporalio/workflow';
import {
  APPROVERS,
  HOLD_MEMO,
  holdTitle,
  setLegalHoldInput,
  sourceOf,
  type Approval,
  type HeldPlace,
  type Hold,
  type ReleasedPlace,
  type SetLegalHoldInput,
  type SetLegalHoldRequest,
  type SetLegalHoldResult,
} from '../../model/retention/hold';
import { listed } from '../../model/list';
import { isSamePerson } from '../../model/messages';
import type { FailedItem } from '../../model/outcome';
import { targetKey, type Target } from '../../model/target';
import { failedItem, settle } from '../support/failure';
import { handleMessage } from '../support/messages';
import { runOperation, type Run } from '../support/operation';
import { batch, read, readMany } from '../support/options';

/** Points that a run made without knowing of the hold are found this soon. */
const LOOK_EVERY = '1 hour';
/** Of one place in one look: a region that is away must not keep the others waiting. */
const BOUNDED = { scheduleToCloseTimeout: '30 minutes' } as const;

/**
 * Keeps recovery points whatever their retention says, until two different people have approved the release. It is
 * open as long as the hold is. Terminated or cancelled, it leaves its marks, and what carries them stays held: the same
 * hold started again takes it over.
 */
export async function setLegalHold(
  input: SetLegalHoldInput,
  carried: Approval[] = [],
  carriedPlaces: Target[] = [],
): Promise<SetLegalHoldResult> {
  let approvals = carried;
  const isSame = patched('approvers-are-people')
    ? isSamePerson
    : (one: string, other: string) => one === other;
  return runOperation(setLegalHoldInput, input, async (request, run) => {
    handleMessage(
      'approve',
      ({ by, reason }) => void (approvals = [...approvals, { by, reason }]),
      ({ by }) =>
        approvals.some((each) => isSame(each.by, by))
          ? `${by} has approved already; somebody else must`
          : undefined,
    );
    handleMessage('reject', () => void (approvals = []));
    const { policyName, lineage } = request;
    run.about({ policy: policyName, resources: lineage === undefined ? undefined : [sourceOf(lineage)] });
    const hold = await read('Describe the hold').describeHold({ request });
    upsertMemo({ [HOLD_MEMO]: hold });
    run.remark(`Legal hold ${hold.holdId} on ${holdTitle(hold)}: ${hold.reason}`);
    const known = new Map(carriedPlaces.map((place) => [targetKey(place), place]));
    for (;;) {
      run.phase('On hold');
      const places = await holdEverywhere(request, hold, known, run);
      const isReleased = await condition(() => approvals.length >= APPROVERS, LOOK_EVERY);
      if (isReleased && (await mayRelease(hold, run))) return release(hold, places, approvals, run);
      if (isReleased) approvals = [];
      if (workflowInfo().continueAsNewSuggested)
        await continueAsNew<typeof setLegalHold>(input, approvals, [...known.values()]);
    }
  });
}

/**
 * Places come from the points themselves: those that the tags of held points name, and every place in which points have ever been
 * left to expire. Once known, a place stays known: policies of today say nothing about points of yesterday.
 *
 * @param known by name; grows
 */
async function holdEverywhere(
  { targets }: SetLegalHoldRequest,
  hold: Hold,
  known: Map<string, Target>,
  run: Run,
): Promise<HeldPlace[]> {
  const policies = await readMany('Read the policies').allPolicies();
  const places: HeldPlace[] = [];
  const left = await readMany('Find places').holdPlaces({ targets, policies, known: [...known.values()] });
  for (const place of left) known.set(targetKey(place), place);
  for (let target = left.shift(); target; target = left.shift()) {
    const place = await holdIn(target, hold, run);
    places.push(place);
    for (const other of targets ? [] : (place.places ?? [])) {
      if (known.has(targetKey(other))) continue;
      known.set(targetKey(other), other);
      left.push(other);
    }
  }
  return places;
}

/** A place that cannot be reached is said, and tried again with the next look; expiry keeps what is held there all the same. */
async function holdIn(target: Target, hold: Hold, run: Run): Promise<HeldPlace> {
  const name = targetKey(target);
  try {
    const place = await batch(`Hold points in ${name}`, BOUNDED).holdPoints({ target, hold });
    const state = place.failed.length > 0 ? `${place.failed.length} not held` : 'held';
    run.row(name, state, place.failed[0]?.message ?? `${place.held} snapshots`);
    return place;
  } catch (error) {
    if (isCancellation(error)) throw error;
    const failure = failedItem(name, error);
    run.row(name, 'not reached', failure.message);
    return { target, held: 0, failed: [failure] };
  }
}

/** A policy that still asks for the hold would open it again with its next run. */
async function mayRelease({ policyName }: Hold, run: Run): Promise<boolean> {
  const policies = policyName === undefined ? [] : await readMany('Read the policies').allPolicies();
  if (!policies.some((policy) => policy.policyName === policyName && policy.legalHold !== undefined))
    return true;
  run.remark(
    `Not released: policy ${policyName} itself asks for the hold. Take legalHold out of the policy, then approve again.`,
  );
  return false;
}

/** What cannot be freed is named, and fails the run: the same hold, asked for again and released, frees it. */
async function release(
  hold: Hold,
  places: readonly HeldPlace[],
  approvedBy: Approval[],
  run: Run,
): Promise<SetLegalHoldResult> {
  run.phase('Releasing');
  let released = 0;
  const failed: FailedItem[] = [];
  for (const { target } of places) {
    const place = await releaseIn(target, hold, run);
    released += place.released;
    failed.push(...place.failed);
  }
  const all = [...failed, ...places.flatMap((place) => place.failed)];
  const result = { ...hold, released, approvedBy, failed: listed(all) };
  return settle(result, {
    what: 'snapshots or places',
    succeeded: places.length + released - failed.length,
    failed: failed.length,
  });
}

async function releaseIn(target: Target, { holdId }: Hold, run: Run): Promise<ReleasedPlace> {
  const name = targetKey(target);
  try {
    const told: ReleasedPlace | number = await batch(`Release points in ${name}`, BOUNDED).releasePoints({
      target,
      holdId,
    });
    // As 0.1.0 told it.
    const place = typeof told === 'number' ? { released: told, failed: [] } : told;
    const state = place.failed.length > 0 ? `${place.failed.length} not released` : 'released';
    run.row(name, state, place.failed[0]?.message ?? `${place.released} snapshots`);
    return place;
  } catch (error) {
    if (isCancellation(error)) throw error;
    const failure = failedItem(name, error);
    run.row(name, 'not reached', failure.message);
    return { released: 0, failed: [failure] };
  }
}
