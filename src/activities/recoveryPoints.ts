import { paginateDescribeSnapshots, type EC2Client, type Snapshot } from '@aws-sdk/client-ec2';
import { createHash } from 'node:crypto';
import { ownDescription, TAG } from '../model/names';
import { targetKey, type Target } from '../model/target';
import { FILTER_VALUES } from './inventory';

const PAGE = 1000;

/**
 * The id of what one run makes of one resource. The same policy, slot and resource always give the same id: it is
 * the key by which a second call finds what the first one made.
 */
export function recoveryPointId(
  policyName: string,
  slotMs: number,
  target: Target,
  resourceId: string,
): string {
  const key = [policyName, slotMs, targetKey(target), resourceId].join('|');
  return `rp-${createHash('sha256').update(key).digest('hex').slice(0, 17)}`;
}

/** Tag and description must agree: people copy tags. */
export function isOwnSnapshot({ Description, Tags = [] }: Snapshot): boolean {
  const id = Tags.find(({ Key }) => Key === TAG.recoveryPoint)?.Value;
  return id !== undefined && Description === ownDescription(id);
}

/** The account's own snapshots of these recovery points, by recovery point id. */
export async function snapshotsOf(
  ec2: EC2Client,
  recoveryPointIds: readonly string[],
): Promise<Map<string, Snapshot[]>> {
  const found = new Map<string, Snapshot[]>();
  for (let start = 0; start < recoveryPointIds.length; start += FILTER_VALUES) {
    const Values = recoveryPointIds.slice(start, start + FILTER_VALUES);
    const Filters = [{ Name: `tag:${TAG.recoveryPoint}`, Values }];
    for await (const snapshot of ownSnapshots(ec2, Filters)) {
      const id = snapshot.Tags?.find(({ Key }) => Key === TAG.recoveryPoint)?.Value ?? '';
      found.set(id, [...(found.get(id) ?? []), snapshot]);
    }
  }
  return found;
}

/** Own snapshots that carry both of Holdfast's marks and pass the filters. */
export async function* ownSnapshots(
  ec2: EC2Client,
  Filters: { Name: string; Values: string[] }[],
): AsyncGenerator<Snapshot> {
  const pages = paginateDescribeSnapshots({ client: ec2, pageSize: PAGE }, { OwnerIds: ['self'], Filters });
  for await (const { Snapshots = [] } of pages) yield* Snapshots.filter(isOwnSnapshot);
}
