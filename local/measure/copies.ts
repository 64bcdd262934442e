import { TAG } from '../../src/model/names';
import type { AwsAccount } from '../stack/awsAccounts';
import type { Blocks } from './blocks';
import { check, type Check } from './check';
import { ownSnapshots, tagsOf } from './reads';

interface Asked {
  policyName: string;
  /** ISO 8601, UTC. */
  slot: string;
  region: string;
  keyArn: string;
  /** What is on volumes and snapshots here, and in the region of the copies. */
  here: Blocks;
  there: Blocks;
}

/** Whether each snapshot of one run has exactly one completed copy there, under the key, that holds the same. */
export async function checkCopies(account: AwsAccount, asked: Asked): Promise<Check> {
  const ofRun = async (region?: string) =>
    (await ownSnapshots(account.ec2(region))).filter((snapshot) => {
      const tags = tagsOf(snapshot);
      return tags[TAG.policy] === asked.policyName && tags[TAG.slot] === asked.slot;
    });
  const [sources, copies] = [await ofRun(), await ofRun(asked.region)];
  const wrong: string[] = [];
  for (const { SnapshotId = '' } of sources) {
    const own = copies.filter((copy) => tagsOf(copy)[TAG.copyOf] === SnapshotId);
    const [copy] = own;
    if (own.length !== 1 || !copy) wrong.push(`${SnapshotId} has ${own.length} copies`);
    else if (copy.State !== 'completed' || copy.KmsKeyId !== asked.keyArn)
      wrong.push(`${copy.SnapshotId} is ${copy.State} under ${copy.KmsKeyId ?? 'no key'}`);
    else if ((await asked.here.digest(SnapshotId)) !== (await asked.there.digest(copy.SnapshotId ?? '')))
      wrong.push(`${copy.SnapshotId} differs from ${SnapshotId}`);
  }
  return check(
    `snapshots of the ${asked.policyName} run that have one copy in ${asked.region}, under its key, with the same content`,
    wrong.length === 0 && sources.length > 0,
    [`${sources.length - wrong.length} of ${sources.length}`, ...wrong].join('; '),
  );
}
