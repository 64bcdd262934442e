import { Context } from '@temporalio/activity';
import { destinationOf } from '../../model/copies/copy';
import { groupBy } from '../../model/group';
import type { NormalizedPolicy } from '../../model/policies/policy';
import { endedKey, type SnapshotNow } from '../../model/points/retention';
import { isExcluded, matchesTags } from '../../model/selector';
import { targetKey, type Target } from '../../model/target';
import type { ActivityDeps } from '../support/deps';
import { isSelected } from '../machines/inventory';
import { readBackupPolicy } from '../policies/schedules';
import { unlessUnknown } from '../support/unlessUnknown';
import { tagMap } from '../support/tags';
import { attachedVolumeIds, instancesById, rootVolumeId, volumesById } from '../support/reads';
import type { KnownInstance, KnownVolume } from '../support/known';

/** What AWS says now of sources, and of what they are attached to. */
interface Seen {
  instances: Map<string, KnownInstance>;
  volumes: Map<string, KnownVolume>;
}

/**
 * Sources whose points are late in a place because their backups there have ended, and not because they are failing: the
 * policy does not select them any more, or does not copy there. Whatever cannot be read counts as going on.
 *
 * @param late points whose age would let them go, but for the RPO
 * @returns {@link endedKey} of each
 */
export async function findEndedSources(
  { aws, temporal }: Pick<ActivityDeps, 'aws' | 'temporal'>,
  here: Target,
  late: readonly SnapshotNow[],
): Promise<Set<string>> {
  const ended = new Set<string>();
  const policies = new Map<string, NormalizedPolicy | undefined>();
  for (const name of new Set(late.map(({ policyName }) => policyName))) {
    Context.current().heartbeat(policies.size);
    policies.set(name, await readBackupPolicy(temporal, name));
  }
  const known = late.filter(({ policyName }) => policies.get(policyName) !== undefined);
  const placeOf = ({ sourceTarget }: SnapshotNow) => targetKey(sourceTarget ?? here);
  for (const snapshots of groupBy(known, placeOf).values()) {
    Context.current().heartbeat(ended.size);
    const place = snapshots[0]?.sourceTarget ?? here;
    const ids = [...new Set(snapshots.map(({ sourceId }) => sourceId))];
    const seen = await unlessUnknown(() => look(aws, place, ids));
    for (const snapshot of snapshots) {
      const policy = policies.get(snapshot.policyName);
      if (policy && !goesOn(policy, snapshot, { here, place, seen })) ended.add(endedKey(snapshot));
    }
  }
  return ended;
}

async function look(aws: ActivityDeps['aws'], place: Target, ids: readonly string[]): Promise<Seen> {
  const ec2 = aws.ec2(place, 'read');
  const seen: Seen = { instances: new Map(), volumes: new Map() };
  const addInstances = async (wanted: string[]) => {
    for await (const instance of instancesById(ec2, wanted))
      seen.instances.set(instance.InstanceId, instance);
  };
  await addInstances(ids.filter((id) => id.startsWith('i-')));
  const attached = [...seen.instances.values()].flatMap(attachedVolumeIds);
  const volumes = ids.filter((id) => id.startsWith('vol-'));
  for await (const volume of volumesById(ec2, [...new Set([...attached, ...volumes])]))
    seen.volumes.set(volume.VolumeId, volume);
  const holders = [...seen.volumes.values()].flatMap(holdersOf);
  await addInstances([...new Set(holders)].filter((id) => !seen.instances.has(id)));
  return seen;
}

interface Where {
  here: Target;
  place: Target;
  /** Undefined where nobody may ask. */
  seen: Seen | undefined;
}

function goesOn(policy: NormalizedPolicy, { sourceId }: SnapshotNow, { here, place, seen }: Where): boolean {
  const isCopy = targetKey(here) !== targetKey(place);
  const copiesHere = () =>
    (policy.copies ?? []).some(
      (terms) => targetKey(destinationOf({ target: place, terms })) === targetKey(here),
    );
  if (isCopy && !copiesHere()) return false;
  if (!seen) return true;
  if (!policy.targets.some((target) => targetKey(target) === targetKey(place))) return false;
  // What one look does not show need not be gone; what is gone for certain is asked for elsewhere.
  if (!seen.instances.has(sourceId) && !seen.volumes.has(sourceId)) return true;
  const instance = seen.instances.get(sourceId);
  // Its disks are off for a moment, in a move or a rescue: it is selected all the same.
  if (instance && isSelected(policy.selector, instance) && !rootVolumeId(instance)) return true;
  const volumes = instance ? attachedVolumeIds(instance) : [sourceId];
  return volumes.some((id) => {
    const volume = seen.volumes.get(id);
    return !volume || !isWholeSeen(volume, seen) || isProtected(policy, volume, seen);
  });
}

/** Two answers that contradict each other, an attachment and nothing at its other end, are no knowledge. */
function isWholeSeen(volume: KnownVolume, { instances }: Seen): boolean {
  return holdersOf(volume).every((id) => instances.has(id));
}

/** By itself, or with an instance that it is attached to. */
function isProtected({ selector }: NormalizedPolicy, volume: KnownVolume, seen: Seen): boolean {
  const { VolumeId } = volume;
  const tags = tagMap(volume.Tags);
  const holders = holdersOf(volume).flatMap((id) => seen.instances.get(id) ?? []);
  const withInstance = holders.some(
    (instance) =>
      isSelected(selector, instance) &&
      !isExcluded(selector.exclude, {
        isBoot: rootVolumeId(instance) === VolumeId,
        isOfInstance: true,
        tags,
      }),
  );
  const isNamed = matchesTags(selector.tags, tags) || (selector.volumeIds ?? []).includes(VolumeId);
  const byItself = isNamed && !isExcluded(selector.exclude, { isBoot: false, isOfInstance: false, tags });
  return withInstance || byItself;
}

function holdersOf({ Attachments = [] }: KnownVolume): string[] {
  return Attachments.flatMap(({ InstanceId }) => InstanceId ?? []);
}
