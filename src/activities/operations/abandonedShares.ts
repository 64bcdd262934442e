import { Context } from '@temporalio/activity';
import type { EC2Client } from '@aws-sdk/client-ec2';
import { readCopiesId } from '../../model/ids';
import type { AbandonedShare } from '../../model/operations/orphans';
import { targetKey, type Target } from '../../model/target';
import type { ActivityDeps } from '../support/deps';
import { findGrants } from '../keys/grants';
import { isOpenWorkflow } from '../support/openWorkflows';
import { unlessGone } from '../support/unlessGone';
import { readClaimedSnapshots } from '../points/recoveryPoints';
import { readVolumePermissions } from '../points/permissions';
import { slotFilters } from '../copies/slotSnapshots';
import { vaultGrantName } from '../../model/copies/vault';

/** Jobs that copied into a vault and could not take back what they had let it see. */
const ABANDONED = "WorkflowType = 'copyRecoveryPoints' AND ExecutionStatus IN ('Terminated', 'TimedOut')";

export function abandonedShareActivities({ aws, temporal }: ActivityDeps) {
  return {
    /** What terminated jobs left open in a target, as far back as Temporal remembers them. */
    async findAbandonedShares({ target }: { target: Target }): Promise<AbandonedShare[]> {
      const [ec2, kms] = [aws.ec2(target, 'read'), aws.kms(target, 'share')];
      const found = new Map<string, AbandonedShare>();
      for await (const { workflowId } of temporal.workflow.list({ query: ABANDONED })) {
        Context.current().heartbeat(found.size);
        const job = readCopiesId(workflowId);
        if (!job?.vault || targetKey(job.target) !== targetKey(target)) continue;
        // A later run of the same id, whatever it waits for, looks after its own.
        if (await isOpenWorkflow(temporal, workflowId)) continue;
        const partner = job.vault;
        const keys = new Set<string>();
        let snapshots = 0;
        for (const { snapshot, snapshotId } of (await readClaimedSnapshots(ec2, slotFilters(job))).own) {
          if (snapshot.KmsKeyId) keys.add(snapshot.KmsKeyId);
          if (await isSharedWith(ec2, snapshotId, partner)) snapshots += 1;
        }
        const grantName = vaultGrantName(workflowId);
        const kmsKeyIds: string[] = [];
        for (const key of keys)
          if ((await findGrants(kms, key, partner, grantName)).length > 0) kmsKeyIds.push(key);
        if (snapshots + kmsKeyIds.length > 0)
          found.set(workflowId, { workflowId, job, partner, grantName, snapshots, kmsKeyIds });
      }
      return [...found.values()];
    },
  };
}

async function isSharedWith(ec2: EC2Client, SnapshotId: string, accountId: string): Promise<boolean> {
  const permissions = await unlessGone(readVolumePermissions(ec2, SnapshotId));
  return permissions?.accounts.includes(accountId) ?? false;
}
