import type { EC2Client } from '@aws-sdk/client-ec2';
import {
  DeleteAliasCommand,
  ListAliasesCommand,
  ScheduleKeyDeletionCommand,
  type KMSClient,
} from '@aws-sdk/client-kms';
import { conflict } from '../../aws/applicationFailures';
import { isSamePolicy, keyPolicy, partnersOf, usersOf } from '../../model/keys/keyPolicy';
import { TAG } from '../../model/names';
import { targetKey, type Target } from '../../model/target';
import type { ActivityDeps } from '../support/deps';
import { findInTime } from '../support/idempotency';
import { describeKey } from './checks';
import { keyAsked, type NewKey } from './keys';
import {
  findOwnKey,
  listGrants,
  isAsMade,
  isPlain,
  lookAtKey,
  orDenied,
  readKeyPolicy,
  listUnnamedKeys,
  type Tags,
} from './made';
import { theOnly } from '../support/proof';
import { keyOf } from '../support/known';
import { snapshotPages, volumePages } from '../support/reads';
import type { KnownKey } from './names';

/** The shortest wait that KMS allows. */
const DELETION_WINDOW_DAYS = 7;

export interface DiscardedKey {
  /** As it was asked for. */
  wanted: NewKey;
  /** Id that the run recorded; without one the key is found by its facts, for its answer was lost. */
  keyId?: string;
  /** Of the primary key, where the key is its replica in `wanted.target`; a replica has its primary's id. */
  replicaOf?: string;
  /** Milliseconds since the epoch: when the run began to make it. */
  sinceMs: number;
}

/** Keys that a run made and that nobody needs. */
export function keyDiscardActivities(deps: ActivityDeps) {
  const { aws, settings } = deps;
  return {
    /**
     * Takes the alias from the key that this run made and schedules the key for deletion; nobody else's is touched.
     * Returns its id; nothing when there is none.
     *
     * @throws ApplicationFailure AmbiguousOwner where several could be it; Conflict where something is under it
     */
    async discardMadeKey({ wanted, keyId, replicaOf, sinceMs }: DiscardedKey): Promise<string | undefined> {
      const { target, alias } = wanted;
      const kms = aws.kms(target, 'migrate');
      const asked = keyAsked(aws, wanted, sinceMs);
      const find = async () => {
        if (!replicaOf) return findOwnKey(kms, asked);
        const replica = await lookAtKey(kms, replicaOf);
        const ours = replica && (await isAsMade(kms, replica.key, replica.tags, asked));
        return ours ? replicaOf : undefined;
      };
      const made = keyId ?? (await findInTime(settings, find));
      return made === undefined ? undefined : discardKey(deps, { target, alias, keyId: made });
    },

    /** For runs that began with 0.1.0, which record no id; what their input tells is checked all the same. */
    async discardKey(discarded: Discarded): Promise<string | undefined> {
      return discardTagged(deps, discarded);
    },
  };
}

interface Discarded {
  target: Target;
  alias: string;
  /** First execution run id of the run whose key goes. */
  runId: string;
}

/**
 * For runs of 0.1.0, which keep no id: the key of the alias, or one without any, that carries the run's id, has a policy of
 * Holdfast's own making and no grants, and is the only one.
 */
async function discardTagged(
  deps: ActivityDeps,
  { target, alias, runId }: Discarded,
): Promise<string | undefined> {
  const kms = deps.aws.kms(target, 'migrate');
  const isOurs = async ({ key, tags }: { key: KnownKey; tags: Tags }) =>
    tags[TAG.run] === runId &&
    tags[TAG.alias] === alias &&
    isPlain(key) &&
    (await isOpenToNobodyElse(kms, key, target));
  const keyId = await findInTime(deps.settings, async () => {
    const own: string[] = [];
    const holder = (await describeKey(kms, alias))?.KeyId;
    const held = holder && (await lookAtKey(kms, holder));
    if (holder && held && (await isOurs(held))) own.push(holder);
    for await (const looked of listUnnamedKeys(kms)) if (await isOurs(looked)) own.push(looked.key.KeyId);
    return theOnly(own, (id) => id, `key that run ${runId} made for ${alias}`);
  });
  return keyId && discardKey(deps, { target, alias, keyId });
}

/** A policy as {@link keyPolicy} writes it, for whatever users and partners, and no grant. */
async function isOpenToNobodyElse(kms: KMSClient, { KeyId }: KnownKey, target: Target): Promise<boolean> {
  const policy = await orDenied(readKeyPolicy(kms, KeyId));
  const grants = await orDenied(listGrants(kms, KeyId, 1));
  if (!policy || grants?.length !== 0) return false;
  return isSamePolicy(policy, keyPolicy(target, partnersOf(policy), usersOf(policy, target)));
}

/**
 * Takes the alias from a key and schedules the key for deletion.
 *
 * @param keyId of a key that the caller knows to be this run's
 * @throws ApplicationFailure Conflict, non-retryable, where the key is in use: what is encrypted under it would be lost
 */
async function discardKey(
  { aws }: ActivityDeps,
  { target, alias, keyId }: { target: Target; alias: string; keyId: string },
): Promise<string | undefined> {
  const kms = aws.kms(target, 'migrate');
  const key = await describeKey(kms, keyId);
  if (!key || key.KeyState === 'PendingDeletion' || key.KeyState === 'PendingReplicaDeletion') return keyId;
  const { Aliases = [] } = await kms.send(new ListAliasesCommand({ KeyId: keyId }));
  const named = Aliases.filter(({ AliasName }) => AliasName !== alias);
  const uses = [
    ...named.map(({ AliasName }) => `${AliasName} names it`),
    ...(await listGrants(kms, keyId, 1)).map(
      ({ GranteePrincipal }) => `${GranteePrincipal} has a grant on it`,
    ),
    ...(await findUnder(aws.ec2(target, 'read'), key.Arn)),
  ];
  if (uses.length > 0) {
    throw conflict(
      `key ${keyId} of ${alias} in ${targetKey(target)} is in use and stays: ${uses.join('; ')}. Schedule its deletion when nothing is under it`,
    );
  }
  if (Aliases.length > 0) await kms.send(new DeleteAliasCommand({ AliasName: alias }));
  await kms.send(new ScheduleKeyDeletionCommand({ KeyId: keyId, PendingWindowInDays: DELETION_WINDOW_DAYS }));
  return keyId;
}

/** The first volume or snapshot of the account that is under a key: neither can be listed by key. */
async function findUnder(ec2: EC2Client, keyArn: string): Promise<string[]> {
  const Filters = [{ Name: 'encrypted', Values: ['true'] }];
  for await (const page of volumePages(ec2, Filters))
    for (const volume of page)
      if (keyOf(volume, volume.VolumeId) === keyArn) return [`${volume.VolumeId} is under it`];
  for await (const page of snapshotPages(ec2, Filters))
    for (const snapshot of page)
      if (keyOf(snapshot, snapshot.SnapshotId) === keyArn) return [`${snapshot.SnapshotId} is under it`];
  return [];
}
