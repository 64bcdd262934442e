import { DescribeLockedSnapshotsCommand, paginateDescribeImages, type EC2Client } from '@aws-sdk/client-ec2';
import { snapshotIdsOf } from './imageReads';

/** Snapshots that images of the account are made of, with these, disabled ones among them: EC2 deletes none of those. */
export async function usedByImages(ec2: EC2Client): Promise<Map<string, string[]>> {
  const used = new Map<string, string[]>();
  for await (const { Images = [] } of paginateDescribeImages(
    { client: ec2, pageSize: 1000 },
    // A disabled image keeps its snapshots, and can be enabled again.
    { Owners: ['self'], IncludeDisabled: true },
  )) {
    for (const image of Images)
      for (const snapshotId of snapshotIdsOf(image))
        used.set(snapshotId, [...(used.get(snapshotId) ?? []), image.ImageId ?? '']);
  }
  return used;
}

/** With the end of each lock: https://docs.aws.amazon.com/ebs/latest/userguide/ebs-snapshot-lock.html */
export async function lockedSnapshots(ec2: EC2Client): Promise<Map<string, { until?: number }>> {
  const locked = new Map<string, { until?: number }>();
  for (let NextToken: string | undefined; ;) {
    const page = await ec2.send(new DescribeLockedSnapshotsCommand({ MaxResults: 1000, NextToken }));
    for (const { SnapshotId = '', LockState, LockExpiresOn } of page.Snapshots ?? [])
      if (LockState !== 'expired')
        locked.set(SnapshotId, { ...(LockExpiresOn && { until: LockExpiresOn.getTime() }) });
    NextToken = page.NextToken;
    if (!NextToken) return locked;
  }
}
