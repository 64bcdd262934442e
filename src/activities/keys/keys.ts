import { Context } from '@temporalio/activity';
import {
  CreateAliasCommand,
  CreateKeyCommand,
  PutKeyPolicyCommand,
  UpdateKeyDescriptionCommand,
  type KeyMetadata,
  type KMSClient,
} from '@aws-sdk/client-kms';
import { incompleteAnswer, notYetVisible } from '../../aws/applicationFailures';
import type { AwsClients, Capability } from '../../aws/clients';
import type { KeyReplica, KeyRotation } from '../../model/keys/key';
import { outsidersByGrant, outsidersByPolicy, type Outsider } from '../../model/keys/keyOutsiders';
import {
  keyPolicy,
  partnersOf,
  usersOf,
  withPartners,
  withUsers,
  type KeyPolicy,
} from '../../model/keys/keyPolicy';
import { makerTags, type Maker } from '../../model/maker';
import { TAG } from '../../model/names';
import type { Target } from '../../model/target';
import type { ActivityDeps } from '../support/deps';
import { findInTime, findMadeEarlier } from '../support/idempotency';
import { describeKey, keyUnusable, whyUnusable } from './checks';
import { readRotation } from './rotation';
import { deniedText, isDenied } from '../support/unlessDenied';
import { findOwnKey, listGrants, findKeysMarkedFor, readKeyPolicy, type KeyAskedFor } from './made';
import { told } from '../support/known';

/** What Holdfast does with keys, through EC2. */
const USING: readonly Capability[] = ['backup', 'migrate', 'restore', 'share'];

/** Grants that are looked at: EBS makes one for every volume under the key. */
const MOST_GRANTS = 2_000;

/** They go through the workflow's history. */
const MOST_OUTSIDERS = 50;

/** A key as it is now. */
export interface KeyState {
  keyId: string;
  arn: string;
  description: string;
  rotation: KeyRotation;
  /** Accounts that the key policy names as partners. */
  partnerAccounts: string[];
  /** Roles that it names as users through EC2; undefined where all of the account are. */
  users?: string[];
  /** Undefined of a single-Region key. */
  replicas?: KeyReplica[];
  /** Others than its account whom its policy or grants let in, partners among them; 0.1.0 did not look. */
  outsiders?: Outsider[];
  /** Why its grants are not known. */
  grantsNotRead?: string;
}

interface KeyRef {
  target: Target;
  keyId: string;
}

interface ExpectedKey extends KeyRef {
  alias: string;
  periodInDays: number;
  partnerAccounts?: string[];
}

export interface NewKey {
  target: Target;
  alias: string;
  description: string;
  partnerAccounts?: string[];
  users?: string[];
  replicaRegions?: string[];
  maker: Maker;
}

/** Customer managed keys: https://docs.aws.amazon.com/kms/latest/developerguide/create-keys.html */
export function keyActivities(deps: ActivityDeps) {
  const { aws, settings } = deps;
  return {
    /**
     * The key behind an alias; undefined when there is none.
     *
     * @throws ApplicationFailure KeyUnusable when EBS could not use it, or AWS manages it
     */
    async findKey({ target, alias }: { target: Target; alias: string }): Promise<KeyState | undefined> {
      return readKeyState(aws.kms(target, 'read'), target, alias);
    },

    /**
     * A key that was made or named a moment ago.
     *
     * @throws ApplicationFailure NotYetVisible, retryable, until reads show it
     */
    async readKey({ target, keyId }: KeyRef): Promise<KeyState> {
      const key = await readKeyState(aws.kms(target, 'read'), target, keyId);
      if (key) return key;
      throw notYetVisible(`key ${keyId} does not show yet`);
    },

    /**
     * Makes a key; on a retry, takes the one that an earlier attempt made. CreateKey has no client token: tags find that
     * key, and it is taken only where it is as this very call would have made it.
     *
     * @throws ApplicationFailure AmbiguousOwner where several keys could be it
     */
    async createKey(wanted: NewKey): Promise<string> {
      const { target, alias, description, replicaRegions, maker } = wanted;
      const kms = aws.kms(target, 'migrate');
      const asked = keyAsked(aws, wanted, Context.current().info.scheduledTimestampMs);
      const earlier = await findMadeEarlier(settings, () => findOwnKey(kms, asked));
      if (earlier) return earlier;
      const { KeyMetadata } = await kms.send(
        new CreateKeyCommand({
          KeySpec: 'SYMMETRIC_DEFAULT',
          KeyUsage: 'ENCRYPT_DECRYPT',
          Description: description,
          // A key is of several regions from the beginning, or never.
          MultiRegion: replicaRegions !== undefined,
          Policy: JSON.stringify(asked.policy),
          Tags: kmsTags({ ...makerTags(maker, alias), [TAG.alias]: alias }),
        }),
      );
      return needed(KeyMetadata?.KeyId, 'CreateKey');
    },

    /** Keys that are marked for the alias and do not have it, but for one: nobody may need them, and they cost money. */
    async findKeysLeft({ target, alias, keyId }: KeyRef & { alias: string }): Promise<string[]> {
      const marked = await findKeysMarkedFor(aws.kms(target, 'migrate'), alias);
      return marked.filter((id) => id !== keyId).sort();
    },

    /** Gives the key its alias; returns the key that has it in the end: another run may have been first. */
    async claimAlias({ target, alias, keyId }: KeyRef & { alias: string }): Promise<string> {
      const kms = aws.kms(target, 'migrate');
      try {
        await kms.send(new CreateAliasCommand({ AliasName: alias, TargetKeyId: keyId }));
        return keyId;
      } catch (error) {
        if ((error as Error).name !== 'AlreadyExistsException') throw error;
      }
      const holder = await findInTime(settings, () => describeKey(kms, alias));
      return needed(holder?.KeyId, `DescribeKey ${alias}`);
    },

    async setKeyDescription({ target, keyId, description }: KeyRef & { description: string }): Promise<void> {
      await aws
        .kms(target, 'migrate')
        .send(new UpdateKeyDescriptionCommand({ KeyId: keyId, Description: description }));
    },

    /** Names exactly these accounts as partners in the key policy; its other statements stay. */
    async setKeyPartners({
      target,
      keyId,
      partnerAccounts,
    }: KeyRef & { partnerAccounts: string[] }): Promise<void> {
      const kms = aws.kms(target, 'migrate');
      const policy = withPartners(await readKeyPolicy(kms, keyId), target, partnerAccounts);
      await kms.send(
        new PutKeyPolicyCommand({ KeyId: keyId, PolicyName: 'default', Policy: JSON.stringify(policy) }),
      );
    },

    /** Names exactly these roles as users through EC2, and Holdfast's own; without any, everybody of the account. */
    async setKeyUsers({ target, keyId, users }: KeyRef & { users: string[] | undefined }): Promise<void> {
      const kms = aws.kms(target, 'migrate');
      const policy = withUsers(await readKeyPolicy(kms, keyId), target, users);
      await kms.send(
        new PutKeyPolicyCommand({ KeyId: keyId, PolicyName: 'default', Policy: JSON.stringify(policy) }),
      );
    },

    /** The users that are asked for, and the worker's roles in the account where the accounts file names them. */
    async keyUsers({ target, users }: { target: Target; users: string[] }): Promise<string[]> {
      return Promise.resolve(keyUsers(aws, target, users) ?? users);
    },

    /** @throws ApplicationFailure NotYetVisible, retryable, until reads show the key as it should be */
    async verifyKey(expected: ExpectedKey): Promise<{ arn: string; rotation: KeyRotation }> {
      const { target, alias, keyId, periodInDays, partnerAccounts } = expected;
      const kms = aws.kms(target, 'read');
      const key = await describeKey(kms, alias);
      const rotation = await readRotation(kms, keyId);
      const partners = partnerAccounts && partnersOf(await readKeyPolicy(kms, keyId));
      const differs =
        key?.KeyId !== keyId ||
        !rotation.enabled ||
        rotation.periodInDays !== periodInDays ||
        partnerAccounts?.some((account) => !partners?.includes(account));
      if (differs) {
        const shown = JSON.stringify({ keyId: key?.KeyId, rotation, partners });
        throw notYetVisible(
          `${alias}: expected key ${keyId} rotating every ${periodInDays} days, but reads show ${shown}`,
        );
      }
      return { arn: needed(key.Arn, 'DescribeKey'), rotation };
    },
  };
}

async function readKeyState(kms: KMSClient, target: Target, keyId: string): Promise<KeyState | undefined> {
  const key = await describeKey(kms, keyId);
  if (!key) return undefined;
  const problem =
    key.KeyManager === 'AWS' ? 'AWS manages this key; choose another alias' : whyUnusable(key, target);
  if (problem) throw keyUnusable(target, keyId, problem);
  const policy = await readKeyPolicy(kms, key.KeyId);
  return {
    keyId: key.KeyId,
    arn: key.Arn,
    description: key.Description ?? '',
    rotation: await readRotation(kms, key.KeyId),
    ...accessIn(policy, target),
    ...(key.MultiRegion && { replicas: replicasOf(key) }),
    ...(await findOutsideAccess(kms, key.KeyId, policy, target)),
  };
}

async function findOutsideAccess(
  kms: KMSClient,
  keyId: string,
  policy: KeyPolicy,
  target: Target,
): Promise<Pick<KeyState, 'outsiders' | 'grantsNotRead'>> {
  const byPolicy = outsidersByPolicy(policy, target);
  try {
    const byGrant = outsidersByGrant(await listGrants(kms, keyId, MOST_GRANTS), target);
    return { outsiders: [...byPolicy, ...byGrant].slice(0, MOST_OUTSIDERS) };
  } catch (error) {
    if (!isDenied(error)) throw error;
    return { outsiders: byPolicy.slice(0, MOST_OUTSIDERS), grantsNotRead: deniedText(error) };
  }
}

function accessIn(policy: KeyPolicy, target: Target): Pick<KeyState, 'partnerAccounts' | 'users'> {
  const users = usersOf(policy, target);
  return { partnerAccounts: partnersOf(policy), ...(users && { users }) };
}

function replicasOf({ MultiRegionConfiguration: { ReplicaKeys = [] } = {} }: KeyMetadata): KeyReplica[] {
  return ReplicaKeys.map((replica) => {
    const { Arn: arn, Region: region } = told(replica, 'a replica', 'Arn', 'Region');
    return { arn, region };
  });
}

/** What KMS has to show of a key that was made as it was wanted. */
export function keyAsked(aws: AwsClients, wanted: NewKey, sinceMs: number): KeyAskedFor {
  const { target, alias, partnerAccounts, users, replicaRegions, maker } = wanted;
  const policy = keyPolicy(target, partnerAccounts, keyUsers(aws, target, users));
  return { target, alias, maker, multiRegion: replicaRegions !== undefined, policy, sinceMs };
}

/** What Holdfast itself could not use would be of no use here. */
export function keyUsers(
  aws: AwsClients,
  { accountId }: Target,
  users: readonly string[] | undefined,
): string[] | undefined {
  const own = USING.flatMap((capability) => aws.roleArn(accountId, capability) ?? []);
  return users && [...new Set([...users, ...own])].sort();
}

export function kmsTags(tags: Record<string, string>) {
  return Object.entries(tags).map(([TagKey, TagValue]) => ({ TagKey, TagValue }));
}

function needed<Value>(value: Value | undefined, call: string): Value {
  if (value === undefined) throw incompleteAnswer(`${call} gave no answer`);
  return value;
}
