import { Context } from '@temporalio/activity';
import { paginateDescribeSnapshots, type EC2Client } from '@aws-sdk/client-ec2';
import { otherOwner, type OthersCount } from '../../model/points/snapshotOwner';

/** One tag that every snapshot of theirs has. */
const MARKS = ['aws:backup:source-resource', 'aws:dlm:lifecycle-policy-id'];

/** The snapshots of an account and region that AWS Backup and Data Lifecycle Manager look after. */
export async function countOthers(ec2: EC2Client): Promise<OthersCount> {
  const counts: OthersCount = { awsBackup: 0, dlm: 0 };
  const query = { OwnerIds: ['self'], Filters: [{ Name: 'tag-key', Values: MARKS }] };
  for await (const { Snapshots = [] } of paginateDescribeSnapshots({ client: ec2, pageSize: 1000 }, query)) {
    Context.current().heartbeat();
    for (const { Tags = [] } of Snapshots) {
      const owner = otherOwner(Tags.map(({ Key = '' }) => Key));
      if (owner) counts[owner] += 1;
    }
  }
  return counts;
}
