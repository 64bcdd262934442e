import type { ActivityDeps } from '../support/deps';
import { joinActivities } from '../support/joinActivities';
import { copyActivities } from './copies';
import { lockActivities } from './locks';
import { missedCopyActivities } from './missed';
import { copyQueueActivities } from './queues';
import { vaultActivities } from './vaults';

/** Every activity of this capability. */
export function activities(deps: ActivityDeps) {
  return joinActivities([
    copyActivities(deps),
    copyQueueActivities(deps),
    vaultActivities(deps),
    lockActivities(deps),
    missedCopyActivities(deps),
  ]);
}
