import { Context } from '@temporalio/activity';
import {
  GetKeyPolicyCommand,
  ListResourceTagsCommand,
  paginateListAliases,
  paginateListGrants,
  paginateListKeys,
  type GrantListEntry,
  type KeyMetadata,
  type KMSClient,
} from '@aws-sdk/client-kms';
import { isSamePolicy, parseKeyPolicy, type KeyPolicy } from '../../model/keys/keyPolicy';
import { makerTags, type Maker } from '../../model/maker';
import { TAG } from '../../model/names';
import type { Target } from '../../model/target';
import { describeKey } from './checks';
import { theOnly } from '../support/proof';
import { isDenied } from '../support/unlessDenied';
import { tagMap } from '../support/tags';
import type { KnownKey } from './names';

/** How far Temporal's clock, by which a call was begun, and KMS's own may be apart. */
const CLOCKS_APART_MS = 5 * 60_000;

export type Tags = Record<string, string>;

/** A key as a run asked KMS for it. */
export interface KeyAskedFor {
  target: Target;
  alias: string;
  maker: Maker;
  multiRegion: boolean;
  /** As CreateKey or ReplicateKey was given it. */
  policy: KeyPolicy;
  /** Milliseconds since the epoch: when the run began to make it. */
  sinceMs: number;
}

/**
 * The key that a run made, where the answer of CreateKey was lost: tags find it, and what KMS itself records proves it
 * (docs/adr/0033). A policy that was changed, or a grant, which no later policy takes back, lets in whom nobody asked for.
 *
 * @throws ApplicationFailure AmbiguousOwner where several keys could be it
 */
export async function findOwnKey(kms: KMSClient, asked: KeyAskedFor): Promise<string | undefined> {
  const own: string[] = [];
  for await (const { key, tags } of listUnnamedKeys(kms))
    if (await isAsMade(kms, key, tags, asked)) own.push(key.KeyId);
  const { alias, maker } = asked;
  return theOnly(own, (keyId) => keyId, `key that run ${maker.runId} made for ${alias}`);
}

/** Whether a key is as this run made it, by its facts and not by its tags alone. */
export async function isAsMade(
  kms: KMSClient,
  key: KnownKey,
  tags: Tags,
  { alias, maker, multiRegion, policy, sinceMs }: KeyAskedFor,
): Promise<boolean> {
  const wanted: Tags = { ...makerTags(maker, alias), [TAG.alias]: alias };
  const marks = [TAG.alias, TAG.request, TAG.workflow, TAG.run];
  if (marks.some((mark) => tags[mark] !== wanted[mark])) return false;
  if (!isPlain(key) || (key.MultiRegion ?? false) !== multiRegion) return false;
  if (key.CreationDate === undefined || key.CreationDate.getTime() < sinceMs - CLOCKS_APART_MS) return false;
  const found = await orDenied(readKeyPolicy(kms, key.KeyId));
  const grants = await orDenied(listGrants(kms, key.KeyId, 1));
  return found !== undefined && isSamePolicy(found, policy) && grants?.length === 0;
}

/** Usable keys that were marked for an alias and do not have it: Holdfast's, or somebody's. A person has to judge. */
export async function findKeysMarkedFor(kms: KMSClient, alias: string): Promise<string[]> {
  const found: string[] = [];
  for await (const { key, tags } of listUnnamedKeys(kms))
    if (tags[TAG.alias] === alias) found.push(key.KeyId);
  return found;
}

/**
 * Enabled customer managed keys without any alias, with their tags. KMS cannot list keys by tag; but keys without an
 * alias are few, so only those are looked at.
 */
export async function* listUnnamedKeys(kms: KMSClient): AsyncGenerator<{ key: KnownKey; tags: Tags }> {
  const named = new Set<string>();
  for await (const { Aliases = [] } of paginateListAliases({ client: kms }, {}))
    for (const { TargetKeyId } of Aliases) if (TargetKeyId) named.add(TargetKeyId);
  for await (const { Keys = [] } of paginateListKeys({ client: kms }, {})) {
    for (const { KeyId } of Keys) {
      if (!KeyId || named.has(KeyId)) continue;
      Context.current().heartbeat();
      const looked = await lookAtKey(kms, KeyId);
      if (looked) yield looked;
    }
  }
}

/** Undefined for keys that AWS manages, that cannot be used, or that do not let Holdfast look: none of them is ours. */
export async function lookAtKey(
  kms: KMSClient,
  keyId: string,
): Promise<{ key: KnownKey; tags: Tags } | undefined> {
  return orDenied(
    (async () => {
      const key = await describeKey(kms, keyId);
      if (key?.KeyManager !== 'CUSTOMER' || key.KeyState !== 'Enabled') return undefined;
      const { Tags = [] } = await kms.send(new ListResourceTagsCommand({ KeyId: keyId }));
      return { key, tags: tagMap(Tags.map(({ TagKey, TagValue }) => ({ Key: TagKey, Value: TagValue }))) };
    })(),
  );
}

/** Material of KMS's own, for symmetric encryption: imported material could be anybody's. */
export function isPlain(key: KeyMetadata): boolean {
  return (
    key.KeyManager === 'CUSTOMER' &&
    key.KeyState === 'Enabled' &&
    key.Origin === 'AWS_KMS' &&
    key.KeySpec === 'SYMMETRIC_DEFAULT' &&
    key.KeyUsage === 'ENCRYPT_DECRYPT'
  );
}

export async function readKeyPolicy(kms: KMSClient, keyId: string): Promise<KeyPolicy> {
  const { Policy } = await kms.send(new GetKeyPolicyCommand({ KeyId: keyId, PolicyName: 'default' }));
  return parseKeyPolicy(Policy);
}

/** At most so many: a key of a big fleet has tens of thousands. */
export async function listGrants(kms: KMSClient, KeyId: string, most: number): Promise<GrantListEntry[]> {
  const found: GrantListEntry[] = [];
  for await (const { Grants = [] } of paginateListGrants({ client: kms }, { KeyId })) {
    found.push(...Grants);
    if (found.length >= most) break;
  }
  return found.slice(0, most);
}

/** Undefined where Holdfast may not look: what it does not know is never its own. */
export async function orDenied<Result>(call: Promise<Result>): Promise<Result | undefined> {
  try {
    return await call;
  } catch (error) {
    if (isDenied(error)) return undefined;
    throw error;
  }
}
