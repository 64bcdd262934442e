import { Context } from '@temporalio/activity';
import {
  CreateGrantCommand,
  paginateListGrants,
  RevokeGrantCommand,
  type GrantListEntry,
  type GrantOperation,
  type KMSClient,
} from '@aws-sdk/client-kms';
import { isNotFound } from '../aws/failures';
import { rootOf } from '../model/keyPolicy';
import type { Target } from '../model/target';
import type { ActivityDeps } from './deps';
import { foundInTime } from './idempotency';

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

/** Grants on keys: https://docs.aws.amazon.com/kms/latest/developerguide/grants.html */
export function grantActivities({ aws, settings }: ActivityDeps) {
  return {
    /** Lets the partner's account use the keys; what it was granted under this name already stays as it is. */
    async grantKeyUse({ target, kmsKeyIds, partner, name }: Granted): Promise<void> {
      const kms = aws.kms(target, 'share');
      for (const KeyId of kmsKeyIds) {
        if ((await grantsOf(kms, KeyId, partner, name)).length > 0) continue;
        await kms.send(
          new CreateGrantCommand({
            KeyId,
            Name: name,
            GranteePrincipal: rootOf(target.region, partner),
            Operations: OPERATIONS,
          }),
        );
      }
    },

    /** Takes every grant of this name back. What a key does not show yet is waited for once, for all keys together. */
    async revokeKeyUse({ target, kmsKeyIds, partner, name }: Granted): Promise<void> {
      const kms = aws.kms(target, 'share');
      let found: GrantListEntry[][] = [];
      await foundInTime(settings, async () => {
        found = [];
        for (const KeyId of kmsKeyIds) {
          Context.current().heartbeat();
          found.push(await grantsOf(kms, KeyId, partner, name));
        }
        return found.every((grants) => grants.length > 0) || undefined;
      });
      for (const [index, KeyId] of kmsKeyIds.entries()) {
        for (const { GrantId } of found[index] ?? []) {
          Context.current().heartbeat();
          try {
            await kms.send(new RevokeGrantCommand({ KeyId, GrantId }));
          } catch (error) {
            if (!isNotFound(error)) throw error;
          }
        }
      }
    },
  };
}

/** The partner's grants of a name that allow everything that a share needs. */
export async function grantsOf(
  kms: KMSClient,
  KeyId: string,
  partner: string,
  name: string,
): Promise<GrantListEntry[]> {
  const found: GrantListEntry[] = [];
  for await (const { Grants = [] } of paginateListGrants({ client: kms }, { KeyId })) {
    found.push(
      ...Grants.filter(
        ({ Name, GranteePrincipal, Operations }) =>
          Name === name &&
          accountOf(GranteePrincipal) === partner &&
          OPERATIONS.every((operation) => Operations?.includes(operation)),
      ),
    );
  }
  return found;
}

/** KMS shows an account's root as an ARN, also when it was given as a bare id. */
function accountOf(principal: string | undefined): string | undefined {
  return /^(?:arn:[^:]+:iam::)?(\d{12})(?::root)?$/.exec(principal ?? '')?.[1];
}
