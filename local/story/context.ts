import path from 'node:path';
import {
  CrossAccountAmiManager,
  EncryptionManager,
  Holdfast,
  readPolicyFile,
  SnapshotManager,
  type OperationInput,
} from '../../src/client';
import { Blocks } from '../measure/blocks';
import { recordMachine, type MachineRecord } from '../measure/disks';
import { selectedVolumes } from '../measure/protection';
import { STORY_INSTANCE } from '../seed/fleet';
import { ACCOUNTS } from '../stack/accounts';
import type { AwsAccount } from '../stack/awsAccounts';
import { ROOT } from '../stack/paths';
import { Problem } from '../stack/problem';
import type { Stack } from '../stack/stack';

type Policy = OperationInput<'createBackupPolicy'>;

/** What the story works with, and what was there before it began. */
export interface StoryContext {
  stack: Stack;
  holdfast: Holdfast;
  snapshots: SnapshotManager;
  encryption: EncryptionManager;
  images: CrossAccountAmiManager;
  home: AwsAccount;
  /** What is on the home account's volumes. */
  blocks: Blocks;
  policies: Policy[];
  /** The machine that is encrypted and shared, as it was. */
  before: MachineRecord;
  /** Account, and the volumes each policy selects in it. */
  selected: { account: AwsAccount; volumes: Map<string, string[]> }[];
  made: { amiId?: string; copyAmiId?: string; copiedSlot?: string; crash?: string; blocksWritten?: number };
}

const SHIPPED = ['critical', 'production', 'development'];

export async function storyContext(stack: Stack): Promise<StoryContext> {
  const holdfast = await Holdfast.connect(process.env);
  const home = await stack.accounts.home();
  const instanceId = stack.fleet.home.get(STORY_INSTANCE);
  if (!instanceId) throw new Problem(`the seeded fleet has no ${STORY_INSTANCE}`);
  const policies = SHIPPED.map(shippedPolicy);
  const toCheck = policies.map(({ policyName, selector }) => ({ policyName, tags: selector?.tags }));
  const accounts = await Promise.all(
    [ACCOUNTS.home, ...ACCOUNTS.others].map((id) => stack.accounts.account(id)),
  );
  return {
    stack,
    holdfast,
    snapshots: new SnapshotManager(holdfast),
    encryption: new EncryptionManager(holdfast),
    images: new CrossAccountAmiManager(holdfast),
    home,
    blocks: new Blocks(stack.file.awsEndpoint, home),
    policies: policies.map((policy) => ({ ...policy, targets: targetsOf(policy.policyName) })),
    before: await recordMachine(home, instanceId),
    selected: await Promise.all(
      accounts.map(async (account) => ({
        account,
        volumes: await selectedVolumes(
          account,
          toCheck.filter(({ policyName }) =>
            targetsOf(policyName).some(({ accountId }) => accountId === account.accountId),
          ),
        ),
      })),
    ),
    made: {},
  };
}

function shippedPolicy(name: string): Policy {
  return readPolicyFile(path.join(ROOT, 'policies', `${name}.yaml`));
}

/** The second account has no critical machines. */
function targetsOf(policyName: string): { accountId: string }[] {
  const ids = policyName === 'critical' ? [ACCOUNTS.home] : [ACCOUNTS.home, ...ACCOUNTS.others];
  return ids.map((accountId) => ({ accountId }));
}
