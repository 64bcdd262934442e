import { Context } from '@temporalio/activity';
import { ReplicateKeyCommand } from '@aws-sdk/client-kms';
import { notYetVisible } from '../../aws/applicationFailures';
import type { KeyReplica } from '../../model/keys/key';
import { keyPolicy } from '../../model/keys/keyPolicy';
import { makerTags, type Maker } from '../../model/maker';
import { TAG } from '../../model/names';
import { targetKey, type Target } from '../../model/target';
import type { ActivityDeps } from '../support/deps';
import { describeKey, keyUnusable } from './checks';
import { keyUsers, kmsTags } from './keys';

interface ReplicaRequest {
  /** Of the primary key. */
  target: Target;
  keyId: string;
  region: string;
  alias: string;
  description: string;
  partnerAccounts?: string[];
  users?: string[];
  maker: Maker;
}

/** Multi-Region keys: https://docs.aws.amazon.com/kms/latest/developerguide/multi-region-keys-overview.html */
export function keyReplicaActivities({ aws }: ActivityDeps) {
  return {
    /**
     * Makes the key's replica in a region; one that is there stays as it is. A region has one of a key at most.
     *
     * @returns whether this call made it; undefined where an earlier attempt may have
     */
    async replicateKey(wanted: ReplicaRequest): Promise<boolean | undefined> {
      const { target, keyId, region, alias, description, partnerAccounts, users, maker } = wanted;
      const there = { ...target, region };
      const notOurs = Context.current().info.attempt === 1 ? false : undefined;
      if (await describeKey(aws.kms(there, 'read'), keyId)) return notOurs;
      const replicate = new ReplicateKeyCommand({
        KeyId: keyId,
        ReplicaRegion: region,
        Description: description,
        Policy: JSON.stringify(keyPolicy(there, partnerAccounts, keyUsers(aws, there, users))),
        Tags: kmsTags({ ...makerTags(maker, alias), [TAG.alias]: alias }),
      });
      try {
        await aws.kms(target, 'migrate').send(replicate);
        return true;
      } catch (error) {
        if ((error as Error).name !== 'AlreadyExistsException') throw error;
        return notOurs;
      }
    },

    /**
     * The replica, once it can be used: making one takes a minute.
     *
     * @throws ApplicationFailure NotYetVisible, retryable, until then; KeyUnusable when it is disabled or to be deleted
     */
    async verifyReplica({ target, keyId }: { target: Target; keyId: string }): Promise<KeyReplica> {
      const key = await describeKey(aws.kms(target, 'read'), keyId);
      if (!key || key.KeyState === 'Creating' || key.KeyState === 'Updating') {
        const message = `the replica of ${keyId} in ${targetKey(target)} is not ready`;
        throw notYetVisible(message);
      }
      if (key.KeyState === 'Enabled') return { region: target.region, arn: key.Arn };
      throw keyUnusable(
        target,
        keyId,
        `the replica is ${key.KeyState}; enable it, or cancel its deletion, first`,
      );
    },
  };
}
