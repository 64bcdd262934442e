import type { Snapshot } from '@aws-sdk/client-ec2';
import { matchesTags, type Selector } from '../../src/model/selector';
import { TAG } from '../../src/model/names';
import type { AwsAccount } from '../stack/awsAccounts';
import { check, type Check } from './check';
import { allInstances, allVolumes, ownSnapshots, tagsOf } from './reads';

export interface PolicyToCheck {
  policyName: string;
  tags: Selector['tags'];
}

/** Which volumes each policy selects in one account, asked before anything ran. */
export async function selectedVolumes(
  account: AwsAccount,
  policies: readonly PolicyToCheck[],
): Promise<Map<string, string[]>> {
  const [instances, volumes] = await Promise.all([allInstances(account.ec2()), allVolumes(account.ec2())]);
  const instanceTags = new Map(instances.map((instance) => [instance.InstanceId, tagsOf(instance)]));
  return new Map(
    policies.map(({ policyName, tags }) => {
      const chosen = volumes.filter((volume) => {
        const ofInstance = instanceTags.get(volume.Attachments?.[0]?.InstanceId) ?? {};
        return matchesTags(tags, tagsOf(volume)) || matchesTags(tags, ofInstance);
      });
      return [policyName, chosen.map(({ VolumeId = '' }) => VolumeId)];
    }),
  );
}

export async function checkProtection(
  account: AwsAccount,
  selected: ReadonlyMap<string, readonly string[]>,
): Promise<Check[]> {
  const snapshots = (await ownSnapshots(account.ec2())).filter((each) => tagsOf(each)[TAG.recoveryPoint]);
  const completed = snapshots.filter(({ State }) => State === 'completed');
  const wanted = [...selected].flatMap(([policy, volumes]) => volumes.map((volume) => ({ policy, volume })));
  const missing = wanted.filter(
    ({ policy, volume }) =>
      !completed.some((each) => tagsOf(each)[TAG.policy] === policy && each.VolumeId === volume),
  );
  const protectedVolumes = new Set(wanted.map(({ volume }) => volume));
  for (const { volume } of missing) protectedVolumes.delete(volume);
  const names = missing.map(({ policy, volume }) => `${volume} by ${policy}`);
  return [
    check(
      `volumes that the policies select in account ${account.accountId} are protected`,
      missing.length === 0 && wanted.length > 0,
      [`${protectedVolumes.size} volumes`, ...names.map((name) => `not ${name}`)].join('; '),
    ),
    oncePerRun(account.accountId, snapshots),
  ];
}

/** A run of a policy and a volume are one snapshot, whatever was killed or repeated while it was made. */
function oncePerRun(accountId: string, snapshots: readonly Snapshot[]): Check {
  const counts = new Map<string, number>();
  for (const snapshot of snapshots) {
    const key = `${runOf(snapshot)}: ${snapshot.VolumeId}`;
    counts.set(key, (counts.get(key) ?? 0) + 1);
  }
  const twice = [...counts].filter(([, count]) => count !== 1).map(([key, count]) => `${key} has ${count}`);
  const runs = new Set(snapshots.map(runOf));
  return check(
    `snapshots per volume per run in account ${accountId} = 1`,
    twice.length === 0 && counts.size > 0,
    [`${snapshots.length} snapshots, ${runs.size} runs`, ...twice].join('; '),
  );
}

/** The workflow that made it. A time would not do: a second snapshot, taken later, would look like another run. */
function runOf(snapshot: Snapshot): string {
  return tagsOf(snapshot)[TAG.workflow] ?? `unknown maker of ${snapshot.SnapshotId}`;
}
