import { Context } from '@temporalio/activity';
import { DescribeLockedSnapshotsCommand, LockSnapshotCommand, type EC2Client } from '@aws-sdk/client-ec2';
import { expiryOf } from '../../calendar/calendar';
import type { LockTerms } from '../../model/points/lock';
import { TAG } from '../../model/names';
import type { FailedItem } from '../../model/outcome';
import type { Target } from '../../model/target';
import type { ActivityDeps } from '../support/deps';
import { failedItem, passes } from '../support/failedItem';
import { snapshotsById } from '../points/recoveryPoints';
import { tagMap } from '../support/tags';
import { groupsOf } from '../support/groups';
import { withId, type KnownSnapshot } from '../support/known';

/** EBS keeps whole seconds. */
const SAME_MS = 60_000;

interface LockRequest {
  target: Target;
  snapshotIds: string[];
  lock: LockTerms;
  /** For calendar durations. */
  timezone: string;
}

/** Snapshot locks: https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_LockSnapshot.html */
export function lockActivities({ aws, calendar }: ActivityDeps) {
  return {
    /**
     * Locks completed snapshots until their time; those that are locked so long already stay as they are. What passes, a throttle or a
     * fault of AWS, is tried again, for a point that is not locked is not locked later by anybody. A lock that would be over by now, of a
     * copy that was made up for, is none.
     */
    async lockSnapshots({
      target,
      snapshotIds,
      lock,
      timezone,
    }: LockRequest): Promise<{ failed: FailedItem[] }> {
      const ec2 = aws.ec2(target, 'backup');
      const found = await snapshotsById(ec2, snapshotIds);
      // One that is not there any more would fail the whole call.
      const open = await findNotLocked(ec2, [...found.values()], { lock, timezone }, calendar.now());
      const failed: FailedItem[] = [];
      let again: Error | undefined;
      for (const [snapshotId, until] of open) {
        Context.current().heartbeat(snapshotId);
        try {
          await ec2.send(
            new LockSnapshotCommand({
              SnapshotId: snapshotId,
              LockMode: lock.mode,
              ExpirationDate: new Date(until),
              ...(lock.coolOffHours && { CoolOffPeriod: lock.coolOffHours }),
            }),
          );
        } catch (error) {
          if (passes(error)) again = error as Error;
          else failed.push(failedItem(snapshotId, error));
        }
      }
      // The next attempt finds the others locked.
      if (again !== undefined) throw again;
      return { failed };
    },
  };
}

/** Until when those snapshots are to be locked that are not locked so long. */
export async function findNotLocked(
  ec2: EC2Client,
  snapshots: readonly KnownSnapshot[],
  { lock, timezone }: Pick<LockRequest, 'lock' | 'timezone'>,
  nowMs: number,
): Promise<Map<string, number>> {
  const untils = snapshots.map(({ SnapshotId, Tags }): [string, number] => [
    SnapshotId,
    expiryOf(Date.parse(tagMap(Tags)[TAG.takenAt] ?? ''), lock.for, timezone) ?? 0,
  ]);
  const wanted = untils.filter(([, until]) => until > nowMs);
  const locked = await readLocks(
    ec2,
    wanted.map(([snapshotId]) => snapshotId),
  );
  return new Map(wanted.filter(([id, until]) => (locked.get(id) ?? 0) < until - SAME_MS));
}

async function readLocks(ec2: EC2Client, snapshotIds: readonly string[]): Promise<Map<string, number>> {
  const locks = new Map<string, number>();
  for (const SnapshotIds of groupsOf(snapshotIds)) {
    const { Snapshots } = await ec2.send(new DescribeLockedSnapshotsCommand({ SnapshotIds }));
    for (const { SnapshotId, LockExpiresOn, LockState } of withId(Snapshots, 'SnapshotId', SnapshotIds))
      if (LockState !== 'expired') locks.set(SnapshotId, LockExpiresOn?.getTime() ?? 0);
  }
  return locks;
}
