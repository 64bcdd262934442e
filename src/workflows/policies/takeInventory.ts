import { isCancellation, TemporalFailure } from '@temporalio/workflow';
import type { FleetRequest } from '../../activities/policies/fleets';
import { and, listed } from '../../model/list';
import type { FailedItem } from '../../model/outcome';
import {
  takeInventoryInput,
  type FleetInventory,
  type TakeInventoryInput,
  type TakeInventoryResult,
} from '../../model/policies/inventory';
import { targetKey } from '../../model/target';
import { failedItem, settle } from '../support/failure';
import { runOperation, type Run } from '../support/operation';
import { read, readMany } from '../support/options';

/** The machines and volumes there are, with the policies that protect them. Changes nothing. */
export async function takeInventory(input: TakeInventoryInput): Promise<TakeInventoryResult> {
  return runOperation(takeInventoryInput, input, async ({ targets: asked, policyName, tags }, run) => {
    run.about({ ...(policyName && { policy: policyName }) }, 'Looking at the targets');
    const targets = policyName
      ? (await read(`Read policy ${policyName}`).readPolicy({ policyName })).targets
      : await read('Resolve the targets').resolveTargets({ targets: asked });
    const { policies, unreadable } = await readMany('Read the policies').readPolicies();
    const selectors = policies.map(({ policyName: name, selector, targets: of }) => ({
      policyName: name,
      selector,
      targets: of,
    }));
    const failed: FailedItem[] = [];
    let found: FleetInventory = { machines: listed([]), volumes: listed([]) };
    for (const target of targets) {
      const policiesHere = selectors.filter(({ targets: of }) =>
        of.some((each) => targetKey(each) === targetKey(target)),
      );
      // With all of them, and all of their targets, a call for each of many places outgrows a history.
      const asked = { target, policies: policiesHere.map((each) => ({ ...each, targets: [target] })), tags };
      const here = await fleetOf(asked, run, failed);
      if (!here) continue;
      const { machines, volumes } = here;
      found = {
        machines: and(found.machines, machines.items, machines.total),
        volumes: and(found.volumes, volumes.items, volumes.total),
      };
    }
    const result = { ...found, targets: listed(targets), unreadable, failed: listed(failed) };
    return settle(result, {
      what: 'targets',
      succeeded: targets.length - failed.length,
      failed: failed.length,
    });
  });
}

/** Targets do not depend on each other: one that cannot be read is named. */
async function fleetOf(
  request: FleetRequest,
  run: Run,
  failed: FailedItem[],
): Promise<FleetInventory | undefined> {
  const key = targetKey(request.target);
  try {
    const fleet = await readMany(`Look at ${key}`).listFleet(request);
    run.row(key, 'looked at', `${fleet.machines.total} machines`);
    return fleet;
  } catch (error) {
    if (!(error instanceof TemporalFailure) || isCancellation(error)) throw error;
    const failure = failedItem(key, error);
    failed.push(failure);
    run.row(key, 'failed', failure.message);
    return undefined;
  }
}
