import { Context } from '@temporalio/activity';
import { paginateDescribeVolumes } from '@aws-sdk/client-ec2';
import { listed } from '../model/list';
import type { Residue } from '../model/residue';
import type { Target } from '../model/target';
import type { ActivityDeps } from './deps';
import { keptAmong } from './keptVolumes';
import { snapshotsBy } from './snapshotFacts';
import { usedByImages } from './snapshotUse';

const Filters = [{ Name: 'encrypted', Values: ['false'] }];

export function residueActivities({ aws }: ActivityDeps) {
  return {
    /** What is not encrypted in a target, whoever it belongs to. */
    async findUnencrypted({ target }: { target: Target }): Promise<Residue> {
      const ec2 = aws.ec2(target, 'read');
      const snapshots: string[] = [];
      for await (const { SnapshotId = '' } of snapshotsBy(ec2, Filters)) snapshots.push(SnapshotId);
      const volumes: string[] = [];
      const originals: string[] = [];
      const pages = paginateDescribeVolumes({ client: ec2, pageSize: 500 }, { Filters });
      for await (const { Volumes = [] } of pages) {
        Context.current().heartbeat();
        const kept = await keptAmong(ec2, Volumes);
        for (const { VolumeId = '' } of Volumes)
          (kept.get(VolumeId)?.kept.kind === 'original' ? originals : volumes).push(VolumeId);
      }
      const images = snapshots.length > 0 ? await usedByImages(ec2) : new Map<string, string[]>();
      const madeOfThem = new Set(snapshots.flatMap((id) => images.get(id) ?? []));
      return {
        volumes: listed(volumes),
        originals: listed(originals),
        snapshots: listed(snapshots),
        images: listed([...madeOfThem]),
      };
    },
  };
}
