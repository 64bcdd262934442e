import { mutate } from '../../support/options';
import type { Migration } from '../migration';
import { makeNewVolumes } from './newVolumes';
import type { Replacements } from '../made';

/** A copy of the volume itself, which is there at once; its place among the region's copies was claimed before. */
export const clone = {
  prepareBeforeStop: (): Promise<void> => Promise.resolve(),

  makeDisksAfterStop(migration: Migration): Promise<Replacements> {
    const { plan, id, downtime } = migration;
    return makeNewVolumes(migration, (disk) =>
      mutate(`Clone ${disk.volumeId} encrypted`, downtime.bounded()).cloneReplacement({
        plan,
        migrationId: id,
        disk,
      }),
    );
  },
};
