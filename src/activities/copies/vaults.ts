import { Context } from '@temporalio/activity';
import { ApplicationFailure } from '@temporalio/common';
import { DescribeKeyCommand } from '@aws-sdk/client-kms';
import { notYetVisible } from '../../aws/applicationFailures';
import { classify } from '../../aws/classify';
import type { CopyJob } from '../../model/copies/copy';
import { FAILURE } from '../../model/failures';
import type { Target } from '../../model/target';
import type { ActivityDeps } from '../support/deps';
import { unlessGone } from '../support/unlessGone';
import { describeKey } from '../keys/checks';
import { findSnapshotsOfSlot } from './slotSnapshots';
import { modifySnapshot } from '../points/permissions';

type Slot = Pick<CopyJob, 'policyName' | 'slotMs' | 'target'>;

interface VaultKeys {
  job: CopyJob;
  kmsKeyIds: string[];
}

/** What a copy into another account needs beside the copy: https://docs.aws.amazon.com/ebs/latest/userguide/ebs-modifying-snapshot-permissions.html */
export function vaultActivities({ aws, settings }: ActivityDeps) {
  return {
    /** The customer managed keys that a slot's snapshots are under: the vault must be let use them. */
    async keysOfSlot({ job }: { job: CopyJob }): Promise<string[]> {
      const found = new Set<string>();
      const own = await findSnapshotsOfSlot(aws.ec2(job.target, 'backup'), job, settings);
      for (const { snapshot } of own) if (snapshot.KmsKeyId) found.add(snapshot.KmsKeyId);
      const kms = aws.kms(job.target, 'read');
      const keys: string[] = [];
      // Under keys that AWS manages nothing can be shared; the copies themselves say so, each for its snapshot.
      for (const key of found) if ((await describeKey(kms, key))?.KeyManager === 'CUSTOMER') keys.push(key);
      return keys;
    },

    /**
     * Until the vault can use the keys: a grant takes up to five minutes to spread, and a copy that comes sooner ends in
     * error. Where the accounts file gives the vault nothing in the snapshots' region, nobody can ask.
     *
     * @throws ApplicationFailure NotYetVisible, retryable
     */
    async verifyVaultKeys({ job, kmsKeyIds }: VaultKeys): Promise<void> {
      const { toAccount } = job.terms;
      if (toAccount === undefined) return;
      const vault = { accountId: toAccount, region: job.target.region };
      if (!(await isAllowed(aws, vault))) return;
      const kms = aws.kms(vault, 'backup');
      for (const KeyId of kmsKeyIds) {
        try {
          await kms.send(new DescribeKeyCommand({ KeyId }));
        } catch (error) {
          if (!(error instanceof Error) || classify(error.name).type !== FAILURE.accessDenied) throw error;
          throw notYetVisible(
            `${KeyId} cannot be used by account ${vault.accountId} yet: ${error.message}; its grant is there, so the vault's role may lack kms:DescribeKey on it`,
          );
        }
      }
    },

    /**
     * Takes back what the copies of a slot were let see; the copies stay as they are, and so does what somebody else has shared of
     * snapshots that only carry the slot's marks.
     */
    async unshareSlot({ job, partner }: { job: Slot; partner: string }): Promise<void> {
      const share = aws.ec2(job.target, 'share');
      const Remove = [{ UserId: partner }];
      const own = await findSnapshotsOfSlot(aws.ec2(job.target, 'backup'), job, settings);
      for (const { snapshotId } of own) {
        Context.current().heartbeat(snapshotId);
        await unlessGone(modifySnapshot(share, snapshotId, { Remove }));
      }
    },
  };
}

async function isAllowed(aws: ActivityDeps['aws'], target: Target): Promise<boolean> {
  try {
    await aws.resolve([target]);
    return true;
  } catch (error) {
    if (error instanceof ApplicationFailure && error.type === FAILURE.targetNotAllowed) return false;
    throw error;
  }
}
