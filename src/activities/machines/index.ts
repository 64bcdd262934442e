import type { ActivityDeps } from '../support/deps';
import { joinActivities } from '../support/joinActivities';
import { capacityActivities } from './capacity';
import { machineActivities } from './facts';
import { healthCheckActivities } from './healthChecks';
import { inventoryActivities } from './inventory';
import { machinePowerActivities } from './power';
import { targetGroupActivities } from './targetGroups';
import { volumeActivities } from './volumes';

/** Every activity of this capability. */
export function activities(deps: ActivityDeps) {
  return joinActivities([
    inventoryActivities(deps),
    machineActivities(deps),
    machinePowerActivities(deps),
    capacityActivities(deps),
    healthCheckActivities(deps),
    targetGroupActivities(deps),
    volumeActivities(deps),
  ]);
}
