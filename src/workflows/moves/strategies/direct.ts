import type { Migration } from '../migration';
import { makeNewVolumes, createVolumeFrom } from './newVolumes';
import { takeSnapshots } from './snapshots';
import type { Replacements } from '../made';

/** A volume that is born encrypted from the final snapshot, which the seed has made small. */
export const direct = {
  async prepareBeforeStop(migration: Migration): Promise<void> {
    if (migration.plan.wasRunning) await takeSnapshots(migration, 'seed');
  },

  async makeDisksAfterStop(migration: Migration): Promise<Replacements> {
    const taken = await takeSnapshots(migration, 'final');
    return makeNewVolumes(migration, (disk) => createVolumeFrom(migration, disk, taken));
  },
};
