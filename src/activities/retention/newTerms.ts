import { Context } from '@temporalio/activity';
import { CreateTagsCommand } from '@aws-sdk/client-ec2';
import type { Client } from '@temporalio/client';
import { conflict } from '../../aws/applicationFailures';
import { expiryOf } from '../../calendar/calendar';
import { termTags, underNewTerms, type RetentionChange } from '../../model/retention/applyRetention';
import { groupBy } from '../../model/group';
import type { FailedItem } from '../../model/outcome';
import type { NormalizedPolicy } from '../../model/policies/policy';
import type { SnapshotNow } from '../../model/points/retention';
import type { Target } from '../../model/target';
import type { ActivityDeps } from '../support/deps';
import { decideExpiryNow } from './expiryNow';
import { failedItem, passes } from '../support/failedItem';
import { groupsOf } from '../support/groups';
import { readPointsNow, type PointsNow } from './pointsNow';
import { readPolicyNow, readBackupPolicy } from '../policies/schedules';
import { tagList } from '../support/tags';

interface Request {
  target: Target;
  policy: NormalizedPolicy;
}

/** The terms of a policy for points that were made under others. */
export function newTermsActivities(deps: Pick<ActivityDeps, 'aws' | 'calendar' | 'temporal'>) {
  return {
    /** What the policy's terms would do to the points of a place; changes nothing. */
    async planNewTerms({ target, policy }: Request): Promise<RetentionChange> {
      const underNew = (each: SnapshotNow) => underNewTerms(policy, target, each, expiryOf) ?? each;
      const facts = await readPointsNow(deps, target, undefined, (each) => underNew(each).expiresAt);
      const changed = changedIn(facts.snapshots, target, policy);
      const before = await findExpiring(deps, target, policy, facts);
      const after = await findExpiring(deps, target, policy, {
        ...facts,
        snapshots: facts.snapshots.map((each) => changed.get(each.snapshotId) ?? each),
      });
      const points = new Set([...changed.values()].map(({ recoveryPointId }) => recoveryPointId));
      return { changed: points.size, goes: [...after].filter((id) => !before.has(id)).length };
    },

    /**
     * Gives the points of a place the policy's terms, which are tags. Deletes nothing: expiry decides by them, under all of
     * its rules. What has them already is left alone, so that an attempt goes on where one before it ended.
     *
     * @throws ApplicationFailure Conflict, non-retryable, once the policy is not the one any more that was read
     */
    async applyNewTerms({ target, policy }: Request): Promise<{ changed: number; failed: FailedItem[] }> {
      const ec2 = deps.aws.ec2(target, 'backup');
      const { snapshots } = await readPointsNow(deps, target);
      const changed = [...changedIn(snapshots, target, policy).values()];
      const failed = new Map<string, FailedItem>();
      for (const alike of groupBy(changed, (each) => JSON.stringify(termTags(each))).values()) {
        const Tags = tagList(alike[0] ? termTags(alike[0]) : {});
        for (const Resources of groupsOf(alike.map(({ snapshotId }) => snapshotId))) {
          Context.current().heartbeat();
          Context.current().cancellationSignal.throwIfAborted();
          await requireUnchanged(deps.temporal, policy);
          try {
            await ec2.send(new CreateTagsCommand({ Resources, Tags }));
          } catch (error) {
            if (passes(error)) throw error;
            for (const id of Resources) failed.set(id, failedItem(id, error));
          }
        }
      }
      const done = changed.filter(({ snapshotId }) => !failed.has(snapshotId));
      const points = new Set(done.map(({ recoveryPointId }) => recoveryPointId));
      return { changed: points.size, failed: [...failed.values()] };
    },
  };
}

/** Points are deleted by these terms: what has been applied meanwhile counts, not what was read a while ago. */
async function requireUnchanged(temporal: Client, { policyName, hash }: NormalizedPolicy): Promise<void> {
  if ((await readBackupPolicy(temporal, policyName))?.hash === hash) return;
  throw conflict(
    `policy ${policyName} was changed or deleted meanwhile; points that have its former terms by now get the new ones when you run this again`,
  );
}

function changedIn(
  snapshots: readonly SnapshotNow[],
  target: Target,
  policy: NormalizedPolicy,
): Map<string, SnapshotNow> {
  const changed = new Map<string, SnapshotNow>();
  for (const snapshot of snapshots) {
    const under = underNewTerms(policy, target, snapshot, expiryOf);
    if (under) changed.set(snapshot.snapshotId, under);
  }
  return changed;
}

async function findExpiring(
  deps: Pick<ActivityDeps, 'aws' | 'calendar' | 'temporal'>,
  target: Target,
  { policyName }: NormalizedPolicy,
  facts: PointsNow,
): Promise<Set<string>> {
  const policies = await readPolicyNow(deps.temporal, policyName);
  const own = facts.snapshots.filter((each) => each.policyName === policyName);
  const asked = { ...facts, snapshots: own, policies, now: deps.calendar.now() };
  const { expired } = await decideExpiryNow(deps, target, asked);
  return new Set(expired.map(({ recoveryPointId }) => recoveryPointId));
}
