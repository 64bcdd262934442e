import { DescribeLockedSnapshotsCommand, type EC2Client, type Image } from '@aws-sdk/client-ec2';
import { heartbeat } from '../support/pace/heartbeat';
import { groupsOf } from '../support/groups';
import { withId } from '../support/known';
import { imagePages } from '../support/reads';

/**
 * Snapshots that images of the account are made of, with these: EC2 deletes none of those. Disabled images are asked for by name:
 * they still need theirs (https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/disable-an-ami.html). Of images in the Recycle
 * Bin AWS does not tell the snapshots.
 *
 * @param snapshotIds asks about these alone; about all when left out
 */
export async function findUsedByImages(
  ec2: EC2Client,
  snapshotIds?: readonly string[],
): Promise<Map<string, string[]>> {
  const used = new Map<string, string[]>();
  for (const Values of groupsOf(snapshotIds)) {
    const Filters = Values && [{ Name: 'block-device-mapping.snapshot-id', Values }];
    const query = { IncludeDisabled: true, IncludeDeprecated: true, Filters };
    for await (const images of imagePages(ec2, query)) {
      heartbeat();
      for (const image of images)
        for (const snapshotId of snapshotIdsOf(image))
          used.set(snapshotId, [...(used.get(snapshotId) ?? []), image.ImageId]);
    }
  }
  return used;
}

/**
 * With the end of each lock: https://docs.aws.amazon.com/ebs/latest/userguide/ebs-snapshot-lock.html
 *
 * @param snapshotIds asks about these alone, which must be there; about all when left out
 */
export async function findLocked(
  ec2: EC2Client,
  snapshotIds?: readonly string[],
): Promise<Map<string, { until?: number }>> {
  const locked = new Map<string, { until?: number }>();
  for (const SnapshotIds of groupsOf(snapshotIds)) {
    for (let NextToken: string | undefined; ;) {
      const paging = SnapshotIds ? { SnapshotIds } : { MaxResults: 1000 };
      heartbeat();
      const page = await ec2.send(new DescribeLockedSnapshotsCommand({ ...paging, NextToken }));
      for (const { SnapshotId, LockState, LockExpiresOn } of withId(
        page.Snapshots,
        'SnapshotId',
        SnapshotIds,
      ))
        if (LockState !== 'expired')
          locked.set(SnapshotId, { ...(LockExpiresOn && { until: LockExpiresOn.getTime() }) });
      NextToken = page.NextToken;
      if (!NextToken) break;
    }
  }
  return locked;
}

export function snapshotIdsOf(image: Image): string[] {
  return (image.BlockDeviceMappings ?? []).flatMap(({ Ebs }) => Ebs?.SnapshotId ?? []);
}
