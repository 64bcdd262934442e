import { Context } from '@temporalio/activity';
import { paginateDescribeVolumes, type Snapshot, type Volume } from '@aws-sdk/client-ec2';
import { listed } from '../../model/list';
import type { Residue } from '../../model/encryption/residue';
import type { Target } from '../../model/target';
import type { ActivityDeps } from '../support/deps';
import { keptOriginals } from './keptOriginals';
import { snapshotsBy } from './snapshots/facts';
import { usedByImages } from '../points/snapshotUse';
import { stagedSnapshots } from './stagedSnapshots';

const Filters = [{ Name: 'encrypted', Values: ['false'] }];

export function residueActivities(deps: ActivityDeps) {
  return {
    /** What is not encrypted in a target, whoever it belongs to; what migrations keep for themselves is counted apart. */
    async findUnencrypted({ target }: { target: Target }): Promise<Residue> {
      const ec2 = deps.aws.ec2(target, 'read');
      const all: Snapshot[] = [];
      for await (const snapshot of snapshotsBy(ec2, Filters)) all.push(snapshot);
      const staged = await stagedSnapshots(deps, target, all);
      const snapshots = idsOf(all, ({ SnapshotId }) => SnapshotId).filter((id) => !staged.has(id));
      const found: Volume[] = [];
      const pages = paginateDescribeVolumes({ client: ec2, pageSize: 500 }, { Filters });
      for await (const { Volumes = [] } of pages) {
        Context.current().heartbeat();
        found.push(...Volumes);
      }
      const originals = await keptOriginals(ec2, found);
      const images = snapshots.length > 0 ? await usedByImages(ec2) : new Map<string, string[]>();
      const madeOfThem = new Set(snapshots.flatMap((id) => images.get(id) ?? []));
      return {
        volumes: listed(idsOf(found, ({ VolumeId }) => VolumeId).filter((id) => !originals.has(id))),
        originals: listed([...originals.keys()]),
        snapshots: listed(snapshots),
        staged: listed([...staged.keys()]),
        images: listed([...madeOfThem]),
      };
    },
  };
}

function idsOf<Item>(items: readonly Item[], idOf: (item: Item) => string | undefined): string[] {
  return items.map((item) => idOf(item) ?? '');
}
