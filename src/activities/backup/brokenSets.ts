import type { EC2Client } from '@aws-sdk/client-ec2';
import { isLastSet, type Pending } from '../../model/backup/protection';
import type { SeenSnapshot } from '../../model/backup/setLook';
import { FAILURE } from '../../model/failures';
import type { FailedItem } from '../../model/outcome';
import { doubtOf, resourceOf, type Item } from './items';
import { discardSnapshots, notDeleted, type SetLook } from './ownSets';

/**
 * A set is consistent as a whole, so all of it goes when one of its snapshots has failed.
 *
 * @param isTooLate for another one
 * @returns why it cannot be made again; undefined where it can
 */
export async function discardBroken(
  ec2: EC2Client,
  item: Item,
  state: Pending,
  { set, rivals }: SetLook,
  { broken, isTooLate }: { broken: SeenSnapshot; isTooLate: boolean },
): Promise<FailedItem | undefined> {
  const sets = state.trials.errors + 1;
  const why = `snapshot ${broken.snapshotId} failed: ${broken.stateMessage ?? 'EC2 gave no reason'}`;
  if (isLastSet(state) || isTooLate) {
    const message = `${item.now.recoveryPointId}: ${why}${sets > 1 ? `; it was made ${sets} times` : ''}`;
    return { item: resourceOf(item), type: FAILURE.resourceFailed, message };
  }
  const doubt = doubtOf(item, set, rivals, why);
  if (doubt) return doubt;
  // The broken one last: while it is there, a look that finds the set again sees why it has to go.
  const others = set.filter((each) => each !== broken);
  const stays = await discardSnapshots(
    ec2,
    item,
    [...others, broken].map(({ snapshotId }) => snapshotId),
  );
  return stays && notDeleted(item, `of the set that is to be made again because ${why}`, stays);
}
