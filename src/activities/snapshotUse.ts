import { DescribeLockedSnapshotsCommand, paginateDescribeImages, type EC2Client } from '@aws-sdk/client-ec2';
import { snapshotIdsOf } from './imageReads';

/** Snapshots that images of the account are made of: EC2 deletes none of those. */
export async function usedByImages(ec2: EC2Client): Promise<Set<string>> {
  const used = new Set<string>();
  for await (const { Images = [] } of paginateDescribeImages(
    { client: ec2, pageSize: 1000 },
    { Owners: ['self'] },
  )) {
    for (const snapshotId of Images.flatMap(snapshotIdsOf)) used.add(snapshotId);
  }
  return used;
}

/** https://docs.aws.amazon.com/ebs/latest/userguide/ebs-snapshot-lock.html */
export async function lockedSnapshots(ec2: EC2Client): Promise<Set<string>> {
  const locked = new Set<string>();
  for (let NextToken: string | undefined; ;) {
    const page = await ec2.send(new DescribeLockedSnapshotsCommand({ MaxResults: 1000, NextToken }));
    for (const { SnapshotId = '', LockState } of page.Snapshots ?? [])
      if (LockState !== 'expired') locked.add(SnapshotId);
    NextToken = page.NextToken;
    if (!NextToken) return locked;
  }
}
