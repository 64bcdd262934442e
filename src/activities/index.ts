import { withFailures } from '../aws/failures';
import { withLiveness } from '../aws/liveness';
import type { ActivityDeps } from './support/deps';
import { withWaits } from './support/pace/waits';
import { activities as support } from './support';
import { activities as keys } from './keys';
import { activities as machines } from './machines';
import { activities as copies } from './copies';
import { activities as policies } from './policies';
import { activities as retention } from './retention';
import { activities as backup } from './backup';
import { activities as moves } from './moves';
import { activities as encryption } from './encryption';
import { activities as images } from './images';
import { activities as operations } from './operations';
import { joinActivities } from './support/joinActivities';

/**
 * Every activity, over injected dependencies. AWS errors leave as ApplicationFailures of the types in
 * src/model/failures.ts; activities themselves see the SDK's own errors.
 */
export function createActivities(deps: ActivityDeps) {
  const activities = withFailures(
    joinActivities([
      support(deps),
      keys(deps),
      machines(deps),
      copies(deps),
      policies(deps),
      retention(deps),
      backup(deps),
      moves(deps),
      encryption(deps),
      images(deps),
      operations(deps),
    ]),
  );
  return withWaits(withLiveness(activities), deps.waits);
}

export type Activities = ReturnType<typeof createActivities>;
