import {
  CreateGrantCommand,
  GenerateDataKeyWithoutPlaintextCommand,
  GetKeyPolicyCommand,
  paginateListGrants,
  type KMSClient,
} from '@aws-sdk/client-kms';
import { classify } from '../../aws/classify';
import { FAILURE } from '../../model/failures';
import { parseKeyPolicy, rootOf } from '../../model/keys/keyPolicy';
import { EBS_OPERATIONS, ebsMayUse, type EbsOperation } from '../../model/keys/keyUse';
import { targetKey, type Target } from '../../model/target';
import type { ActivityDeps } from '../support/deps';
import { mayBeAnswered } from '../support/dryRuns';
import { keyUnusable } from './checks';

interface KeyAsked {
  target: Target;
  kmsKeyArn: string;
}

/** Operations that KMS answers a dry run of without a ciphertext under the key. */
const ASKED: readonly EbsOperation[] = ['CreateGrant', 'GenerateDataKeyWithoutPlaintext'];

/** Whether a role may use a key, asked before anything is done under it: docs/adr/0030. */
export function keyProbeActivities({ aws }: ActivityDeps) {
  return {
    /**
     * Asks KMS, by dry runs as the role that migrates, whether it may use the key, and where it may not by itself,
     * whether the key's policy lets EBS do so on its behalf. Makes no grant, and no data key.
     *
     * @returns operations of which nothing here can tell
     * @throws ApplicationFailure KeyUnusable where EBS would fail for certain
     */
    async requireKeyUse({ target, kmsKeyArn }: KeyAsked): Promise<EbsOperation[]> {
      const kms = aws.kms(target, 'migrate');
      const open: EbsOperation[] = [];
      for (const operation of EBS_OPERATIONS) {
        if (!ASKED.includes(operation) || !(await mayByItself(kms, target, kmsKeyArn, operation)))
          open.push(operation);
      }
      // Who may make data keys and grants by itself has the key, and not through EC2 alone.
      if (!open.some((operation) => ASKED.includes(operation))) return [];
      const roleArn = aws.roleArn(target.accountId, 'migrate');
      const policy = await readPolicyIfAllowed(aws.kms(target, 'read'), kmsKeyArn);
      if (!policy) return open;
      const user = { target, keyAccountId: kmsKeyArn.split(':')[4] ?? '', roleArn };
      const verdicts = open.map((operation) => ({
        operation,
        verdict: ebsMayUse(policy, operation, user),
      }));
      const denied = verdicts.filter(({ verdict }) => verdict === 'no').map(({ operation }) => operation);
      const missing = await dropGranted(aws.kms(target, 'read'), kmsKeyArn, roleArn, denied);
      if (missing.length > 0) throw unusable(target, kmsKeyArn, roleArn, missing);
      return verdicts.filter(({ verdict }) => verdict === 'perhaps').map(({ operation }) => operation);
    },
  };
}

/** @throws ApplicationFailure KeyUnusable where the key's state forbids it to everybody */
async function mayByItself(
  kms: KMSClient,
  target: Target,
  KeyId: string,
  operation: EbsOperation,
): Promise<boolean> {
  try {
    await dryRun(kms, target, KeyId, operation);
    return true;
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    if (error.name === 'DryRunOperationException') return true;
    if (mayBeAnswered(error)) throw error;
    if (classify(error.name).type === FAILURE.keyUnusable) throw keyUnusable(target, KeyId, error.message);
    return false;
  }
}

function dryRun(kms: KMSClient, { region, accountId }: Target, KeyId: string, operation: EbsOperation) {
  const DryRun = true;
  if (operation === 'CreateGrant') {
    const GranteePrincipal = rootOf(region, accountId);
    return kms.send(new CreateGrantCommand({ KeyId, GranteePrincipal, Operations: ['Decrypt'], DryRun }));
  }
  return kms.send(new GenerateDataKeyWithoutPlaintextCommand({ KeyId, NumberOfBytes: 64, DryRun }));
}

/** Undefined where it may not be read; a key of another account never is. */
async function readPolicyIfAllowed(kms: KMSClient, KeyId: string) {
  try {
    const { Policy } = await kms.send(new GetKeyPolicyCommand({ KeyId, PolicyName: 'default' }));
    return parseKeyPolicy(Policy);
  } catch (error) {
    if (error instanceof Error && classify(error.name).type === FAILURE.accessDenied) return undefined;
    throw error;
  }
}

/** A grant allows what no policy does; where grants may not be read, there may be one. */
async function dropGranted(
  kms: KMSClient,
  KeyId: string,
  GranteePrincipal: string | undefined,
  denied: EbsOperation[],
): Promise<EbsOperation[]> {
  if (denied.length === 0) return [];
  const granted = new Set<string>();
  try {
    for await (const { Grants = [] } of paginateListGrants({ client: kms }, { KeyId, GranteePrincipal }))
      for (const { Operations = [] } of Grants) Operations.forEach((operation) => granted.add(operation));
  } catch (error) {
    if (error instanceof Error && classify(error.name).type === FAILURE.accessDenied) return [];
    throw error;
  }
  return denied.filter((operation) => !granted.has(operation));
}

function unusable(target: Target, kmsKeyArn: string, roleArn: string | undefined, missing: EbsOperation[]) {
  const role = roleArn ?? 'the worker’s own credentials';
  const actions = missing.map((operation) => `kms:${operation}`).join(', ');
  return keyUnusable(
    target,
    kmsKeyArn,
    `its key policy lets ${role} do ${actions} neither by itself nor through EC2 in ${targetKey(target)}; allow it there, kms:CreateGrant with kms:GrantIsForAWSResource`,
  );
}
