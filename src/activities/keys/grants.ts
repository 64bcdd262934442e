import { Context } from '@temporalio/activity';
import {
  CreateGrantCommand,
  paginateListGrants,
  RevokeGrantCommand,
  type GrantListEntry,
  type GrantOperation,
  type KMSClient,
} from '@aws-sdk/client-kms';
import { rootOf } from '../../model/keys/keyPolicy';
import type { Target } from '../../model/target';
import type { ActivityDeps } from '../support/deps';
import { findInTime } from '../support/idempotency';
import { theOnly } from '../support/proof';
import { unlessGone } from '../support/unlessGone';
import { told } from '../support/known';

/**
 * What launching a shared image, copying it and re-encrypting the copy take
 * (https://docs.aws.amazon.com/ebs/latest/userguide/share-kms-key.html), without what only readers of plain data
 * keys need. `CreateGrant` lets EC2 hand these very operations, and no more, to the instance that is started.
 */
const OPERATIONS: GrantOperation[] = [
  'DescribeKey',
  'Decrypt',
  'ReEncryptFrom',
  'ReEncryptTo',
  'GenerateDataKeyWithoutPlaintext',
  'CreateGrant',
];

interface Granted {
  target: Target;
  kmsKeyIds: string[];
  /** Account id. */
  partner: string;
  name: string;
}

export interface GrantMade {
  kmsKeyId: string;
  grantId: string;
}

/** Those that a run recorded; or, where the answer was lost, since when they may have been made. */
export type GrantsTaken = Omit<Granted, 'kmsKeyIds'> &
  ({ grants: GrantMade[] } | { kmsKeyIds: string[]; sinceMs: number });

/** How far Temporal's clock, by which a call was begun, and KMS's own may be apart. */
const CLOCKS_APART_MS = 5 * 60_000;

/** Grants on keys: https://docs.aws.amazon.com/kms/latest/developerguide/grants.html */
export function grantActivities({ aws, settings }: ActivityDeps) {
  /** What a key does not show yet is waited for once, for all keys together: each by itself would outlast the attempt. */
  async function awaitShownOnAll(
    keys: readonly string[],
    look: (KeyId: string) => Promise<GrantListEntry[]>,
  ): Promise<{ KeyId: string; grant: GrantListEntry }[]> {
    let found: { KeyId: string; grant: GrantListEntry }[] = [];
    await findInTime(settings, async () => {
      found = [];
      for (const KeyId of keys) {
        Context.current().heartbeat();
        for (const grant of await look(KeyId)) found.push({ KeyId, grant });
      }
      return keys.every((each) => found.some(({ KeyId }) => KeyId === each)) || undefined;
    });
    return found;
  }

  return {
    /**
     * Lets the partner's account use the keys; what it was granted under this name already stays as it is.
     *
     * @returns the grants that this call made, or that an earlier attempt may have made
     */
    async grantKeyUse({ target, kmsKeyIds, partner, name }: Granted): Promise<GrantMade[]> {
      const kms = aws.kms(target, 'share');
      const { attempt, scheduledTimestampMs } = Context.current().info;
      const made: GrantMade[] = [];
      for (const KeyId of kmsKeyIds) {
        const [there] = await findGrants(kms, KeyId, partner, name);
        if (there?.GrantId && attempt > 1 && isSince(there, scheduledTimestampMs))
          made.push({ kmsKeyId: KeyId, grantId: there.GrantId });
        if (there) continue;
        const answer = await kms.send(
          new CreateGrantCommand({
            KeyId,
            Name: name,
            GranteePrincipal: rootOf(target.region, partner),
            Operations: OPERATIONS,
          }),
        );
        const { GrantId } = told(answer, `CreateGrant on ${KeyId}`, 'GrantId');
        made.push({ kmsKeyId: KeyId, grantId: GrantId });
      }
      return made;
    },

    /**
     * Takes back the grants that this run recorded. Where the answer was lost, it is those that are as they would have been
     * made, since then; KMS has one such grant of a name at most.
     */
    async revokeGrants({ target, partner, name, ...which }: GrantsTaken): Promise<void> {
      const kms = aws.kms(target, 'share');
      const keys = 'grants' in which ? which.grants.map(({ kmsKeyId }) => kmsKeyId) : which.kmsKeyIds;
      const isOurs = (KeyId: string, grant: GrantListEntry) =>
        'grants' in which
          ? which.grants.some(({ kmsKeyId, grantId }) => kmsKeyId === KeyId && grantId === grant.GrantId)
          : isSince(grant, which.sinceMs);
      const found = await awaitShownOnAll(keys, async (KeyId) => {
        const grants = (await findGrants(kms, KeyId, partner, name)).filter((grant) => isOurs(KeyId, grant));
        const only = theOnly(grants, ({ GrantId }) => GrantId, `grant ${name} on ${KeyId}`);
        return only ? [only] : [];
      });
      for (const { KeyId, grant } of found) await revoke(kms, KeyId, grant);
    },

    /** Takes every grant of this name back. What a key does not show yet is waited for once, for all keys together. */
    async revokeKeyUse({ target, kmsKeyIds, partner, name }: Granted): Promise<void> {
      const kms = aws.kms(target, 'share');
      const found = await awaitShownOnAll(kmsKeyIds, (KeyId) => findGrants(kms, KeyId, partner, name));
      for (const { KeyId, grant } of found) await revoke(kms, KeyId, grant);
    },
  };
}

async function revoke(kms: KMSClient, KeyId: string, { GrantId }: GrantListEntry): Promise<void> {
  await unlessGone(kms.send(new RevokeGrantCommand({ KeyId, GrantId })));
}

function isSince({ CreationDate }: GrantListEntry, sinceMs: number): boolean {
  return CreationDate !== undefined && CreationDate.getTime() >= sinceMs - CLOCKS_APART_MS;
}

/**
 * The partner's grants of a name that are, word for word, what Holdfast makes. One of the same name with other operations or
 * with constraints is somebody else's: KMS itself takes it for another one.
 */
export async function findGrants(
  kms: KMSClient,
  KeyId: string,
  partner: string,
  name: string,
): Promise<GrantListEntry[]> {
  const found: GrantListEntry[] = [];
  for await (const { Grants = [] } of paginateListGrants({ client: kms }, { KeyId })) {
    found.push(
      ...Grants.filter(
        ({ Name, GranteePrincipal, Operations = [], Constraints, RetiringPrincipal }) =>
          Name === name &&
          accountOf(GranteePrincipal) === partner &&
          Operations.length === OPERATIONS.length &&
          OPERATIONS.every((operation) => Operations.includes(operation)) &&
          Object.keys(Constraints ?? {}).length === 0 &&
          !RetiringPrincipal,
      ),
    );
  }
  return found;
}

/** KMS shows an account's root as an ARN, also when it was given as a bare id. */
function accountOf(principal = ''): string | undefined {
  return /^(?:arn:[^:]+:iam::)?(\d{12})(?::root)?$/.exec(principal)?.[1];
}
