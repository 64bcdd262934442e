import { paginateDescribeSnapshotTierStatus, type EC2Client } from '@aws-sdk/client-ec2';
import { groupsOf } from '../support/groups';
import { withId } from '../support/known';

export const COMING_BACK = ['temporary-restore-in-progress', 'permanent-restore-in-progress'];
/** The snapshot itself says `standard` on its way there, and while it is back for some days. */
export const IN_ARCHIVE = [
  'archival-in-progress',
  'temporary-restore-in-progress',
  'temporary-restore-completed',
];

/** Those whose last change of tier is one of these; of all own snapshots when no ids are given. */
export async function findTiering(
  ec2: EC2Client,
  snapshotIds: readonly string[] | undefined,
  operations: string[],
): Promise<Set<string>> {
  const found = new Set<string>();
  const operation = { Name: 'last-tiering-operation', Values: operations };
  for (const Values of groupsOf(snapshotIds, operations.length)) {
    const Filters = [operation, ...(Values ? [{ Name: 'snapshot-id', Values }] : [])];
    const pages = paginateDescribeSnapshotTierStatus({ client: ec2, pageSize: 500 }, { Filters });
    for await (const { SnapshotTierStatuses } of pages)
      for (const { SnapshotId } of withId(SnapshotTierStatuses, 'SnapshotId', Values)) found.add(SnapshotId);
  }
  return found;
}
