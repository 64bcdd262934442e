import { mutate } from '../../support/options';
import type { Migration } from '../migration';
import { newVolumes } from './newVolumes';
import type { Replacements } from '../made';

/** A copy of the volume itself, which is there at once; its place among the region's copies was claimed before. */
export const clone = {
  beforeStop: (): Promise<void> => Promise.resolve(),

  disksAfterStop(migration: Migration): Promise<Replacements> {
    const { plan, id, downtime } = migration;
    return newVolumes(migration, (disk) =>
      mutate(`Clone ${disk.volumeId} encrypted`, downtime.bounded()).cloneReplacement({
        plan,
        migrationId: id,
        disk,
      }),
    );
  },
};
