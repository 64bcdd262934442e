import type { Migration } from '../migration';
import { newVolumes, volumeFrom } from './newVolumes';
import { snapshots } from './snapshots';
import type { Replacements } from '../made';

/** A volume that is born encrypted from the final snapshot, which the seed has made small. */
export const direct = {
  async beforeStop(migration: Migration): Promise<void> {
    if (migration.plan.wasRunning) await snapshots(migration, 'seed');
  },

  async disksAfterStop(migration: Migration): Promise<Replacements> {
    const taken = await snapshots(migration, 'final');
    return newVolumes(migration, (disk) => volumeFrom(migration, disk, taken));
  },
};
