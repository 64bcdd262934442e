import { Context } from '@temporalio/activity';
import { paginateListChangedBlocks, type EBSClient } from '@aws-sdk/client-ebs';
import { slotBefore } from '../../calendar/timetable';
import { classify } from '../../aws/classify';
import { valueAt } from '../../model/group';
import type { AwsClients } from '../../aws/clients';
import type { RecoveryPointSummary } from '../../model/backup/run';
import { FAILURE } from '../../model/failures';
import type { NormalizedPolicy } from '../../model/policies/policy';
import { noSizes, type Sizes } from '../../model/backup/sizes';
import type { Target } from '../../model/target';
import { byPlace } from '../support/pace/byPlace';
import type { ActivityDeps } from '../support/deps';
import { failedItem } from '../support/failedItem';
import { workInTurns } from '../support/pace/inTurns';
import { recoveryPointId, readSnapshotsOf } from '../points/recoveryPoints';

/** Well under EBS's fifty a second: https://docs.aws.amazon.com/general/latest/gr/ebs-service.html#limits_ebs */
const AT_ONCE = 5;
/** Where it is denied, the next runs need not ask for each snapshot again. */
const DENIAL_COUNTS_MS = 3_600_000;

interface MeasureRequest {
  policy: NormalizedPolicy;
  target: Target;
  /** Milliseconds since the epoch. */
  slotMs: number;
  points: RecoveryPointSummary[];
}

export function changeActivities({ aws, calendar }: ActivityDeps) {
  const denials = byPlace(() => ({ message: '', until: 0 }));
  return {
    /**
     * How many blocks have changed since the slot before, where the role may ask
     * (https://docs.aws.amazon.com/ebs/latest/APIReference/API_ListChangedBlocks.html); snapshots without one are not
     * compared.
     */
    async measureChanges({ policy, target, slotMs, points }: MeasureRequest): Promise<Sizes> {
      const sizes = sizesOf(points);
      const denial = denials(target);
      if (denial.until > calendar.now()) return { ...sizes, notCompared: denial.message };
      const pairs = await findPairs(aws, { policy, target, slotMs, points });
      const ebs = aws.ebs(target, 'backup');
      const measure = async (pair: Pair) => {
        // Denied once it is denied for all of them.
        if (denial.until > calendar.now()) return;
        try {
          const bytes = await countChangedBytes(ebs, pair);
          if (bytes === undefined) return;
          sizes.compared += 1;
          sizes.changedBytes += bytes;
        } catch (error) {
          const { type, message } = failedItem('', error);
          if (type !== FAILURE.accessDenied) throw error;
          Object.assign(denial, { message, until: calendar.now() + DENIAL_COUNTS_MS });
        }
      };
      await workInTurns(pairs, AT_ONCE, measure);
      return denial.until > calendar.now() ? { ...sizes, notCompared: denial.message } : sizes;
    },
  };
}

function sizesOf(points: readonly RecoveryPointSummary[]): Sizes {
  const sum = (pick: (point: RecoveryPointSummary) => number) =>
    points.reduce((total, point) => total + pick(point), 0);
  return {
    ...noSizes(),
    snapshots: sum(({ snapshotIds }) => snapshotIds.length),
    fullBytes: sum(({ fullBytes }) => fullBytes),
  };
}

interface Pair {
  FirstSnapshotId: string;
  SecondSnapshotId: string;
}

/** Each snapshot with that of the same volume in the slot before, where there is one. */
async function findPairs(
  aws: AwsClients,
  { policy, target, slotMs, points }: MeasureRequest,
): Promise<Pair[]> {
  const slot = slotBefore(policy, slotMs);
  if (slot === undefined) return [];
  const idBefore = ({ resourceId }: RecoveryPointSummary) =>
    recoveryPointId(policy.policyName, slot, target, resourceId);
  const ec2 = aws.ec2(target, 'backup');
  const found = await readSnapshotsOf(ec2, points.map(idBefore));
  const before = new Map(
    [...found.values()].flat().map(({ VolumeId, SnapshotId }) => [VolumeId, SnapshotId]),
  );
  return points.flatMap(({ snapshotIds, volumeIds }) =>
    snapshotIds.flatMap((SecondSnapshotId, index) => {
      const FirstSnapshotId = valueAt(before, volumeIds[index]);
      return FirstSnapshotId ? { FirstSnapshotId, SecondSnapshotId } : [];
    }),
  );
}

/** Undefined where the two cannot be compared: one is archived, or gone. */
async function countChangedBytes(ebs: EBSClient, pair: Pair): Promise<number | undefined> {
  let bytes = 0;
  try {
    for await (const { ChangedBlocks = [], BlockSize = 0 } of paginateListChangedBlocks(
      { client: ebs },
      pair,
    )) {
      Context.current().heartbeat();
      Context.current().cancellationSignal.throwIfAborted();
      bytes += ChangedBlocks.length * BlockSize;
    }
    return bytes;
  } catch (error) {
    const type = error instanceof Error && classify(error.name).type;
    if (type === FAILURE.invalidRequest || type === FAILURE.notFound) return undefined;
    throw error;
  }
}
