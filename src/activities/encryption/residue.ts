import { Context } from '@temporalio/activity';
import { listed } from '../../model/list';
import type { Residue } from '../../model/encryption/residue';
import type { Target } from '../../model/target';
import type { ActivityDeps } from '../support/deps';
import { findKeptOriginals } from './keptOriginals';
import { snapshotsBy } from './snapshots/facts';
import { findUsedByImages } from '../points/snapshotUse';
import { findStagedSnapshots } from './stagedSnapshots';
import type { KnownSnapshot, KnownVolume } from '../support/known';
import { volumePages } from '../support/reads';

const Filters = [{ Name: 'encrypted', Values: ['false'] }];

export function residueActivities(deps: ActivityDeps) {
  return {
    /** What is not encrypted in a target, whoever it belongs to; what migrations keep for themselves is counted apart. */
    async findUnencrypted({ target }: { target: Target }): Promise<Residue> {
      const ec2 = deps.aws.ec2(target, 'read');
      const all: KnownSnapshot[] = [];
      for await (const snapshot of snapshotsBy(ec2, Filters)) all.push(snapshot);
      const staged = await findStagedSnapshots(deps, target, all);
      const snapshots = all.map(({ SnapshotId }) => SnapshotId).filter((id) => !staged.has(id));
      const found: KnownVolume[] = [];
      for await (const page of volumePages(ec2, Filters, { pageSize: 500 })) {
        Context.current().heartbeat();
        found.push(...page);
      }
      const originals = await findKeptOriginals(ec2, found);
      const images = snapshots.length > 0 ? await findUsedByImages(ec2) : new Map<string, string[]>();
      const madeOfThem = new Set(snapshots.flatMap((id) => images.get(id) ?? []));
      return {
        volumes: listed(found.map(({ VolumeId }) => VolumeId).filter((id) => !originals.has(id))),
        originals: listed([...originals.keys()]),
        snapshots: listed(snapshots),
        staged: listed([...staged.keys()]),
        images: listed([...madeOfThem]),
      };
    },
  };
}
