import { Context } from '@temporalio/activity';
import type { EC2Client } from '@aws-sdk/client-ec2';
import { otherOwner, type OthersCount } from '../../model/points/snapshotOwner';
import { snapshotPages } from '../support/reads';
import { tagMap } from '../support/tags';

/** One tag that every snapshot of theirs has. */
const MARKS = ['aws:backup:source-resource', 'aws:dlm:lifecycle-policy-id'];

/** The snapshots of an account and region that AWS Backup and Data Lifecycle Manager look after. */
export async function countOthers(ec2: EC2Client): Promise<OthersCount> {
  const counts: OthersCount = { awsBackup: 0, dlm: 0 };
  for await (const page of snapshotPages(ec2, [{ Name: 'tag-key', Values: MARKS }])) {
    Context.current().heartbeat();
    for (const { Tags } of page) {
      const owner = otherOwner(Object.keys(tagMap(Tags)));
      if (owner) counts[owner] += 1;
    }
  }
  return counts;
}
