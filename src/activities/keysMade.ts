import { Context } from '@temporalio/activity';
import {
  DeleteAliasCommand,
  DescribeKeyCommand,
  ListAliasesCommand,
  ListResourceTagsCommand,
  paginateListAliases,
  paginateListKeys,
  ScheduleKeyDeletionCommand,
  type KMSClient,
} from '@aws-sdk/client-kms';
import { classify } from '../aws/classify';
import { FAILURE } from '../model/failures';
import { TAG } from '../model/names';
import type { Target } from '../model/target';
import type { ActivityDeps } from './deps';
import { foundInTime } from './idempotency';
import { describeKey } from './keyChecks';

/** The shortest wait that KMS allows. */
const DELETION_WINDOW_DAYS = 7;

type Tags = Record<string, string>;

/**
 * The usable key that was made for an alias and never got one. KMS cannot list keys by tag; but keys without any
 * alias are few, so only those are looked at.
 */
export async function findKeyMadeFor(
  kms: KMSClient,
  alias: string,
  accept: (tags: Tags) => boolean = () => true,
): Promise<string | undefined> {
  const named = new Set<string>();
  for await (const { Aliases = [] } of paginateListAliases({ client: kms }, {}))
    for (const { TargetKeyId } of Aliases) if (TargetKeyId) named.add(TargetKeyId);
  for await (const { Keys = [] } of paginateListKeys({ client: kms }, {})) {
    for (const { KeyId } of Keys) {
      if (!KeyId || named.has(KeyId)) continue;
      Context.current().heartbeat();
      const tags = await tagsOfUsable(kms, KeyId);
      if (tags?.[TAG.alias] === alias && accept(tags)) return KeyId;
    }
  }
  return undefined;
}

export interface Discarded {
  target: Target;
  alias: string;
  /** First execution run id of the run whose key goes. */
  runId: string;
}

/** Takes the alias from this run's key and schedules the key for deletion; nothing can be under it yet. */
export async function discardKey(
  { aws, settings }: ActivityDeps,
  { target, alias, runId }: Discarded,
): Promise<string | undefined> {
  const kms = aws.kms(target, 'migrate');
  const isOurs = (tags: Tags | undefined) => tags?.[TAG.run] === runId;
  const keyId = await foundInTime(settings, async () => {
    const holder = (await describeKey(kms, alias))?.KeyId;
    if (holder && isOurs(await tagsOfUsable(kms, holder))) return holder;
    return findKeyMadeFor(kms, alias, isOurs);
  });
  if (!keyId) return undefined;
  const { Aliases = [] } = await kms.send(new ListAliasesCommand({ KeyId: keyId }));
  if (Aliases.some(({ AliasName }) => AliasName === alias))
    await kms.send(new DeleteAliasCommand({ AliasName: alias }));
  await kms.send(new ScheduleKeyDeletionCommand({ KeyId: keyId, PendingWindowInDays: DELETION_WINDOW_DAYS }));
  return keyId;
}

/** Undefined for keys that AWS manages, that cannot be used, or that do not let Holdfast look: none of them is ours. */
async function tagsOfUsable(kms: KMSClient, keyId: string): Promise<Tags | undefined> {
  try {
    const { KeyMetadata } = await kms.send(new DescribeKeyCommand({ KeyId: keyId }));
    if (KeyMetadata?.KeyManager !== 'CUSTOMER' || KeyMetadata.KeyState !== 'Enabled') return undefined;
    const { Tags = [] } = await kms.send(new ListResourceTagsCommand({ KeyId: keyId }));
    return Object.fromEntries(Tags.map(({ TagKey, TagValue }) => [TagKey ?? '', TagValue ?? '']));
  } catch (error) {
    if (classify((error as Error).name).type === FAILURE.accessDenied) return undefined;
    throw error;
  }
}
