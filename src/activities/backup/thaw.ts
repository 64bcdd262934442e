import { Context } from '@temporalio/activity';
import type { FailedItem } from '../../model/outcome';
import type { ActivityDeps } from '../support/deps';
import { HookedUnits } from './hookedUnits';
import type { ProtectRequest } from './items';
import { SetMaker, type UnitNow } from './snapshotSets';

export function thawActivities(deps: ActivityDeps) {
  return {
    /**
     * Thaws what `protectUnits` has left frozen: a cancelled activity gets no further attempt when its worker dies.
     *
     * @returns guests that may still be frozen
     */
    async thawGuests(request: ProtectRequest): Promise<FailedItem[]> {
      const ec2 = deps.aws.ec2(request.target, 'backup');
      const maker = new SetMaker(deps, ec2, request);
      const hooked = new HookedUnits(deps, ec2, request, maker);
      const units = await maker.look(request.units);
      const frozen = new Map<UnitNow, FailedItem>();
      await hooked.settleAll(
        units,
        () => Context.current().heartbeat(),
        (now, problem) => frozen.set(now, problem),
      );
      return units.flatMap((now) => frozen.get(now) ?? []);
    },
  };
}
