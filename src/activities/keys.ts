import { ApplicationFailure } from '@temporalio/common';
import {
  CreateAliasCommand,
  CreateKeyCommand,
  GetKeyPolicyCommand,
  PutKeyPolicyCommand,
  TagResourceCommand,
  UpdateKeyDescriptionCommand,
  type KeyMetadata,
  type KMSClient,
} from '@aws-sdk/client-kms';
import type { AwsClients, Capability } from '../aws/clients';
import { FAILURE } from '../model/failures';
import type { KeyReplica, KeyRotation } from '../model/key';
import {
  keyPolicy,
  parseKeyPolicy,
  partnersOf,
  usersOf,
  withPartners,
  withUsers,
  type KeyPolicy,
} from '../model/keyPolicy';
import { makerTags, type Maker } from '../model/maker';
import { TAG } from '../model/names';
import type { Target } from '../model/target';
import type { ActivityDeps } from './deps';
import { foundInTime, madeEarlier } from './idempotency';
import { describeKey, keyUnusable, whyUnusable } from './keyChecks';
import { rotationOf } from './keyRotation';
import { discardKey, findKeyMadeFor, type Discarded } from './keysMade';

/** What Holdfast does with keys, through EC2. */
const USING: readonly Capability[] = ['backup', 'migrate', 'restore', 'share'];

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

interface NewKey {
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
      return stateOf(aws.kms(target, 'read'), target, alias);
    },

    /**
     * A key that was made or named a moment ago.
     *
     * @throws ApplicationFailure NotYetVisible, retryable, until reads show it
     */
    async readKey({ target, keyId }: KeyRef): Promise<KeyState> {
      const key = await stateOf(aws.kms(target, 'read'), target, keyId);
      if (key) return key;
      throw ApplicationFailure.retryable(`key ${keyId} does not show yet`, FAILURE.notYetVisible);
    },

    /**
     * Makes a key, or takes over one that was made for this alias and never got it because a run ended between the
     * two calls. CreateKey has no client token: the tags tell.
     */
    async createKey(wanted: NewKey): Promise<string> {
      const { target, alias, description, partnerAccounts, replicaRegions, maker } = wanted;
      const kms = aws.kms(target, 'migrate');
      const find = () => findKeyMadeFor(kms, alias);
      const Tags = kmsTags({ ...makerTags(maker, alias), [TAG.alias]: alias });
      const orphan = (await madeEarlier(settings, find)) ?? (await find());
      if (orphan) {
        await kms.send(new TagResourceCommand({ KeyId: orphan, Tags }));
        return orphan;
      }
      const { KeyMetadata } = await kms.send(
        new CreateKeyCommand({
          KeySpec: 'SYMMETRIC_DEFAULT',
          KeyUsage: 'ENCRYPT_DECRYPT',
          Description: description,
          // A key is of several regions from the beginning, or never.
          MultiRegion: replicaRegions !== undefined,
          Policy: JSON.stringify(keyPolicy(target, partnerAccounts, keyUsers(aws, target, wanted.users))),
          Tags,
        }),
      );
      return needed(KeyMetadata?.KeyId, 'CreateKey');
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
      const holder = await foundInTime(settings, () => describeKey(kms, alias));
      return needed(holder?.KeyId, `DescribeKey ${alias}`);
    },

    /**
     * Takes the alias from the key that this run made and schedules the key for deletion; other runs' keys stay.
     * Returns its id; nothing when there is none.
     */
    async discardKey(discarded: Discarded): Promise<string | undefined> {
      return discardKey(deps, discarded);
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
      const policy = withPartners(await policyOf(kms, keyId), target, partnerAccounts);
      await kms.send(
        new PutKeyPolicyCommand({ KeyId: keyId, PolicyName: 'default', Policy: JSON.stringify(policy) }),
      );
    },

    /** Names exactly these roles as users through EC2, and Holdfast's own; without any, everybody of the account. */
    async setKeyUsers({ target, keyId, users }: KeyRef & { users: string[] | undefined }): Promise<void> {
      const kms = aws.kms(target, 'migrate');
      const policy = withUsers(await policyOf(kms, keyId), target, users);
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
      const rotation = await rotationOf(kms, keyId);
      const partners = partnerAccounts && partnersOf(await policyOf(kms, keyId));
      const differs =
        key?.KeyId !== keyId ||
        !rotation.enabled ||
        rotation.periodInDays !== periodInDays ||
        partnerAccounts?.some((account) => !partners?.includes(account));
      if (differs) {
        const shown = JSON.stringify({ keyId: key?.KeyId, rotation, partners });
        throw ApplicationFailure.retryable(
          `${alias}: expected key ${keyId} rotating every ${periodInDays} days, but reads show ${shown}`,
          FAILURE.notYetVisible,
        );
      }
      return { arn: needed(key.Arn, 'DescribeKey'), rotation };
    },
  };
}

async function stateOf(kms: KMSClient, target: Target, keyId: string): Promise<KeyState | undefined> {
  const key = await describeKey(kms, keyId);
  if (!key?.KeyId || !key.Arn) return undefined;
  const problem =
    key.KeyManager === 'AWS' ? 'AWS manages this key; choose another alias' : whyUnusable(key, target);
  if (problem) throw keyUnusable(target, keyId, problem);
  return {
    keyId: key.KeyId,
    arn: key.Arn,
    description: key.Description ?? '',
    rotation: await rotationOf(kms, key.KeyId),
    ...accessIn(await policyOf(kms, key.KeyId), target),
    ...(key.MultiRegion && { replicas: replicasOf(key) }),
  };
}

function accessIn(policy: KeyPolicy, target: Target): Pick<KeyState, 'partnerAccounts' | 'users'> {
  const users = usersOf(policy, target);
  return { partnerAccounts: partnersOf(policy), ...(users && { users }) };
}

function replicasOf({ MultiRegionConfiguration: { ReplicaKeys = [] } = {} }: KeyMetadata): KeyReplica[] {
  return ReplicaKeys.map(({ Arn: arn = '', Region: region = '' }) => ({ arn, region }));
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

async function policyOf(kms: KMSClient, keyId: string): Promise<KeyPolicy> {
  const { Policy } = await kms.send(new GetKeyPolicyCommand({ KeyId: keyId, PolicyName: 'default' }));
  return parseKeyPolicy(Policy);
}

export function kmsTags(tags: Record<string, string>) {
  return Object.entries(tags).map(([TagKey, TagValue]) => ({ TagKey, TagValue }));
}

function needed<Value>(value: Value | undefined, call: string): Value {
  if (value === undefined) throw ApplicationFailure.retryable(`${call} gave no answer`, FAILURE.serviceError);
  return value;
}
