import { paginateDescribeVolumes, type EC2Client, type Volume } from '@aws-sdk/client-ec2';
import { TAG } from '../model/names';
import { tagMap } from './imageReads';
import { FILTER_VALUES } from './inventory';

/**
 * Those of the volumes that a migration keeps as originals, with its id: detached, and named by a volume that replaces
 * them for the same migration. The mark on the volume itself is on every copy that somebody restored with its tags.
 */
export async function keptOriginals(
  ec2: EC2Client,
  volumes: readonly Volume[],
): Promise<Map<string, string>> {
  const marked = new Map<string, string>();
  for (const { VolumeId = '', Attachments = [], Tags } of volumes) {
    const [migrationId] = tagMap(Tags)[TAG.original]?.split(' ') ?? [];
    if (migrationId && Attachments.length === 0) marked.set(VolumeId, migrationId);
  }
  const kept = new Map<string, string>();
  const ids = [...marked.keys()];
  for (let start = 0; start < ids.length; start += FILTER_VALUES) {
    const Filters = [{ Name: `tag:${TAG.replaces}`, Values: ids.slice(start, start + FILTER_VALUES) }];
    for await (const { Volumes = [] } of paginateDescribeVolumes({ client: ec2, pageSize: 500 }, { Filters }))
      for (const { Tags } of Volumes) {
        const { [TAG.replaces]: original = '', [TAG.migration]: migrationId } = tagMap(Tags);
        if (migrationId !== undefined && marked.get(original) === migrationId)
          kept.set(original, migrationId);
      }
  }
  return kept;
}
