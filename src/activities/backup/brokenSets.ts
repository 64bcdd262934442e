import type { EC2Client, Snapshot } from '@aws-sdk/client-ec2';
import { FAILURE } from '../../model/failures';
import type { FailedItem } from '../../model/outcome';
import { discard, notDeleted } from './ownSets';
import { doubtOf, resourceOf, type Item } from './items';

/** A set with a snapshot in error is made again this often in all, as long as the RPO allows. */
const SET_ATTEMPTS = 3;

/**
 * A set is consistent as a whole, so all of it goes when one of its snapshots has failed.
 *
 * @returns why it cannot be made again; undefined where it can
 */
export async function discardBroken(
  ec2: EC2Client,
  item: Item,
  snapshots: readonly Snapshot[],
  broken: Snapshot,
  isTooLate: boolean,
): Promise<FailedItem | undefined> {
  const errors = item.errors + 1;
  const why = `snapshot ${broken.SnapshotId} failed: ${broken.StateMessage ?? 'EC2 gave no reason'}`;
  if (errors >= SET_ATTEMPTS || isTooLate) {
    const message = `${item.now.recoveryPointId}: ${why}${errors > 1 ? `; it was made ${errors} times` : ''}`;
    return { item: resourceOf(item), type: FAILURE.resourceFailed, message };
  }
  const doubt = doubtOf(item, snapshots, why);
  if (doubt) return doubt;
  // The broken one last: while it is there, a look that finds the set again sees why it has to go.
  const others = snapshots.filter((each) => each !== broken);
  const ids = [...others, broken].flatMap(({ SnapshotId }) => SnapshotId ?? []);
  const stays = await discard(ec2, item, ids);
  item.errors = errors;
  return stays && notDeleted(item, `of the set that is to be made again because ${why}`, stays);
}
