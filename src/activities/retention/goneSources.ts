import type { EC2Client } from '@aws-sdk/client-ec2';
import { targetKey, type Target } from '../../model/target';
import { sleepUntil } from '../points/copyWaits';
import type { ActivityDeps } from '../support/deps';
import { now } from '../support/pace/waits';
import { instancesById, volumesById } from '../support/reads';

/** Which of these instances and volumes are there. */
export type LookForSources = (place: Target, ids: readonly string[]) => Promise<Set<string>>;

/** One look: good enough for a plan, and not for what cannot be undone. */
export function oneLook(aws: ActivityDeps['aws']): LookForSources {
  return async (place, ids) => (await readShown(aws.ec2(place, 'read'), ids)).living;
}

/**
 * Reads lag, and lists leave out what is there: what one answer does not show is not known, and counts as there. Gone is what EC2 calls
 * terminated, and what two looks that far apart do not show. No id comes back, so each is waited for once.
 */
export function twoLooks({ aws, settings }: Pick<ActivityDeps, 'aws' | 'settings'>): LookForSources {
  const gone = new Set<string>();
  return async (place, ids) => {
    const ec2 = aws.ec2(place, 'read');
    const keyOf = (id: string) => `${targetKey(place)}|${id}`;
    const { living, dead } = await readShown(ec2, ids);
    const unseen = ids.filter((id) => !living.has(id) && !dead.has(id) && !gone.has(keyOf(id)));
    if (unseen.length === 0) return living;
    await sleepUntil(now() + settings.readLagMs, settings.pollMs);
    const again = await readShown(ec2, unseen);
    for (const id of unseen) if (!again.living.has(id)) gone.add(keyOf(id));
    return new Set([...living, ...again.living]);
  };
}

interface Shown {
  living: Set<string>;
  dead: Set<string>;
}

async function readShown(ec2: EC2Client, ids: readonly string[]): Promise<Shown> {
  const shown: Shown = { living: new Set(), dead: new Set() };
  const instances = ids.filter((id) => id.startsWith('i-'));
  for await (const { InstanceId, State } of instancesById(ec2, instances))
    (State.Name === 'terminated' ? shown.dead : shown.living).add(InstanceId);
  const volumes = ids.filter((id) => id.startsWith('vol-'));
  for await (const { VolumeId } of volumesById(ec2, volumes)) shown.living.add(VolumeId);
  return shown;
}
