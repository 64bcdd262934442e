import { STORY_INSTANCE } from '../seed/fleet';
import { ACCOUNTS, DR_REGION, HOME_REGION, PARTNER_REGION } from '../stack/accounts';
import type { copyRecoveryPoints } from '../../src/workflows/copies/copyRecoveryPoints';
import { Problem } from '../stack/problem';
import type { StoryContext } from './context';
import { crashWorker, midSwap, stopping } from './crash';
import { resultOfRun, trigger } from './schedules';
import { writeUntilStopped } from './writing';

/** One step of the story: what it is called, and what it does; it resolves with what people should read about it. */
export interface Step {
  title: string;
  play(context: StoryContext, note: (text: string) => void): Promise<string>;
}

export const KEY_ALIAS = 'alias/holdfast-ebs';
const KEY_REGIONS = [HOME_REGION, DR_REGION, PARTNER_REGION];
export const [FIRST_PARTNER = ''] = ACCOUNTS.partners;

const MIGRATION_ID = `encrypt-${STORY_INSTANCE}`;
export const COPIED = 'critical';
const REQUESTED_BY = 'npm start';

export const STEPS: Step[] = [
  { title: 'Three policies become Schedules', play: createPolicies },
  { title: 'Each policy runs once', play: runPolicies },
  { title: 'A customer key, rotating, in three regions', play: createKeys },
  { title: `${STORY_INSTANCE} moves to encrypted volumes`, play: migrate },
  { title: 'New volumes are encrypted by default', play: encryptByDefault },
  { title: `${COPIED} recovery points also go to ${DR_REGION}`, play: copyBackups },
  { title: 'An image for two partners', play: shareImage },
  { title: `Its copy in ${PARTNER_REGION} for one of them`, play: copyImage },
];

async function createPolicies({ snapshots, policies }: StoryContext): Promise<string> {
  const results = await Promise.all(
    policies.map((policy) =>
      snapshots.createBackupPolicy(
        { ...policy, requestedBy: REQUESTED_BY },
        { workflowId: `policy-${policy.policyName}` },
      ),
    ),
  );
  return results.map(({ policyName, status }) => `${policyName} ${status}`).join(', ');
}

async function runPolicies(context: StoryContext, note: (text: string) => void): Promise<string> {
  const runs = await Promise.all(context.policies.map(({ policyName }) => trigger(context, policyName)));
  note(`${runs.length} runs under way`);
  const results = await Promise.all(runs.map((workflowId) => resultOfRun(context, workflowId)));
  const sum = (pick: (result: (typeof results)[number]) => number) =>
    results.reduce((total, result) => total + pick(result), 0);
  return `${sum((each) => each.recoveryPoints.total)} recovery points, ${sum((each) => each.volumes)} snapshots`;
}

async function createKeys({ encryption }: StoryContext): Promise<string> {
  const keys = await Promise.all(
    KEY_REGIONS.map((region) =>
      encryption.createCustomerManagedKey(
        {
          description: 'EBS volumes, snapshots and images',
          keyUsage: 'ENCRYPT_DECRYPT',
          alias: KEY_ALIAS,
          partnerAccounts: ACCOUNTS.partners,
          target: { region },
          requestedBy: REQUESTED_BY,
        },
        { workflowId: `key-${region}` },
      ),
    ),
  );
  return `${KEY_ALIAS}, every ${keys[0]?.rotation.periodInDays} days`;
}

/** While the machine is half done, with a backup of other machines under way too, the worker dies. */
async function migrate(context: StoryContext, note: (text: string) => void): Promise<string> {
  const { encryption, before, blocks, home, stack, made } = context;
  const over = new AbortController();
  note('what needs no stop is done while it runs and writes');
  const migration = encryption
    .encryptExistingVolumes(
      { instanceIds: [before.instanceId], kmsKeyId: KEY_ALIAS, requestedBy: REQUESTED_BY },
      { workflowId: MIGRATION_ID },
    )
    .finally(() => over.abort());
  const crash = async () => {
    await stopping(home, before.instanceId, over.signal);
    note('it stops; another backup begins too');
    const run = await trigger(context, 'development');
    made.crash = await midSwap(home, before, over.signal);
    const { killed, started } = await crashWorker(stack, note);
    note(`worker ${killed} killed in mid-swap (${made.crash}); worker ${started} takes over`);
    return run;
  };
  // Both are awaited to the end: the story has to say which of them failed, and no worker may be left unstarted.
  const [result, run, written] = await Promise.allSettled([
    migration,
    crash(),
    writeUntilStopped(blocks, before),
  ]);
  if (result.status === 'rejected') throw result.reason;
  if (run.status === 'rejected') throw run.reason;
  if (written.status === 'rejected') throw written.reason;
  made.blocksWritten = written.value;
  const backup = await resultOfRun(context, run.value);
  if (backup.status !== 'COMPLETED') throw new Problem(`the backup during the crash ended ${backup.status}`);
  return `${result.value.summary}; a worker was killed on the way`;
}

async function encryptByDefault({ encryption }: StoryContext): Promise<string> {
  const kmsKeyIds = Object.fromEntries(KEY_REGIONS.map((region) => [region, KEY_ALIAS]));
  await encryption.enableEbsEncryptionByDefault(
    { kmsKeyIds, requestedBy: REQUESTED_BY },
    { workflowId: 'encryption-by-default' },
  );
  return KEY_REGIONS.join(', ');
}

/** The policy changes, and so does its Schedule; the copies go on after the run, in a workflow of their own. */
async function copyBackups(context: StoryContext, note: (text: string) => void): Promise<string> {
  const { snapshots, policies, holdfast, made } = context;
  const policy = policies.find(({ policyName }) => policyName === COPIED);
  if (!policy) throw new Problem(`there is no policy ${COPIED}`);
  const copies = [{ toRegion: DR_REGION, kmsKeyId: KEY_ALIAS, retention: '90d' }];
  const { status } = await snapshots.createBackupPolicy(
    { ...policy, copies, requestedBy: REQUESTED_BY },
    { workflowId: `policy-${COPIED}` },
  );
  note(`${COPIED} ${status}`);
  const run = await resultOfRun(context, await trigger(context, COPIED));
  const { workflowId = '' } = run.copies.items[0] ?? {};
  const handle = holdfast.temporal.workflow.getHandle<typeof copyRecoveryPoints>(workflowId);
  const { copied, toRegion } = await handle.result();
  made.copiedSlot = run.slot;
  return `${copied} snapshots in ${toRegion}, kept 90d under its own key`;
}

async function shareImage({ images, before, made }: StoryContext): Promise<string> {
  const { amiId, summary } = await images.createShareableAmi(
    {
      instanceId: before.instanceId,
      amiName: `${STORY_INSTANCE}-shared`,
      description: 'The orders database machine, for partners',
      partnerAccounts: ACCOUNTS.partners,
      kmsKeyId: KEY_ALIAS,
      requestedBy: REQUESTED_BY,
    },
    { workflowId: `share-${STORY_INSTANCE}` },
  );
  made.amiId = amiId;
  return summary;
}

async function copyImage({ images, made }: StoryContext): Promise<string> {
  if (!made.amiId) throw new Problem('there is no image to copy');
  const { amiId, summary } = await images.copyAmiToPartnerRegion(
    {
      amiId: made.amiId,
      destinationRegion: PARTNER_REGION,
      partnerAccountId: FIRST_PARTNER,
      kmsKeyId: KEY_ALIAS,
      requestedBy: REQUESTED_BY,
    },
    { workflowId: `copy-${STORY_INSTANCE}-${PARTNER_REGION}` },
  );
  made.copyAmiId = amiId;
  return summary;
}

export const KEYS = { alias: KEY_ALIAS, regions: KEY_REGIONS };
