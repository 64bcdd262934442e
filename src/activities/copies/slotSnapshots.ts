import type { EC2Client } from '@aws-sdk/client-ec2';
import type { CopyJob } from '../../model/copies/copy';
import { TAG } from '../../model/names';
import { sleepUntil } from '../points/copyWaits';
import type { Settings } from '../support/deps';
import { readClaimedSnapshots } from '../points/recoveryPoints';
import { now } from '../support/pace/waits';

type Slot = Pick<CopyJob, 'policyName' | 'slotMs'>;

/** What one slot of a policy made. */
export function slotFilters({ policyName, slotMs }: Slot): { Name: string; Values: string[] }[] {
  return [
    { Name: `tag:${TAG.policy}`, Values: [policyName] },
    { Name: `tag:${TAG.slot}`, Values: [new Date(slotMs).toISOString()] },
  ];
}

/**
 * The snapshots that one slot of a policy made. One empty list is not trusted: who finds nothing to copy or to take back is
 * done, and nobody looks again.
 */
export async function findSnapshotsOfSlot(ec2: EC2Client, slot: Slot, { readLagMs, pollMs }: Settings) {
  const { own } = await readClaimedSnapshots(ec2, slotFilters(slot));
  if (own.length > 0) return own;
  await sleepUntil(now() + readLagMs, pollMs);
  return (await readClaimedSnapshots(ec2, slotFilters(slot))).own;
}
