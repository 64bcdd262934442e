import type { WorkflowHandle } from '@temporalio/client';
import type { RunBackupResult } from '../../src/model/backup/run';
import { workflowIds } from '../../src/model/ids';
import type { EnableEncryptionByDefaultResult } from '../../src/model/encryption/encryptionDefault';
import { HOME_REGION } from '../support/accounts';
import { awaitResult } from '../support/awaitResult';
import { MESSAGE, type MigrationWorld } from '../support/migration';
import { anInstance, aVolume, volumesOfTwoPages } from '../support/seed';
import type { World } from '../support/world';
import { ended, type Scenario } from './scenario';
import { CHECKED_SCENARIOS } from './checkedScenarios';
import { CONTINUED_CAMPAIGN, firstRunOf, MIGRATION_SCENARIOS } from './migrationScenarios';

const DR_REGION = 'eu-west-1';
const REFUSED = { before: { code: 'UnauthorizedOperation', status: 403 } };

function start(migrations: MigrationWorld, type: string, input: object): Promise<WorkflowHandle> {
  return migrations.world.start(type, input);
}

const policy = (policyName: string) => ({
  policyName,
  frequency: '4h',
  retention: '30d',
  selector: { tags: { all: { policy: policyName } } },
});

function backupChild({ world }: MigrationWorld, run: WorkflowHandle): WorkflowHandle {
  return world.client.workflow.getHandle(`${run.workflowId}/${world.home.accountId}/${HOME_REGION}`);
}

/** The workflow that copies what a run made. */
async function copiesOf({ world }: MigrationWorld, run: WorkflowHandle): Promise<WorkflowHandle> {
  const { copies } = await awaitResult<RunBackupResult>(run);
  return world.client.workflow.getHandle(copies.items[0]?.workflowId ?? '');
}

function copyQueue({ world }: MigrationWorld): WorkflowHandle {
  const { accountId } = world.home;
  return world.client.workflow.getHandle(workflowIds.copyQueue({ accountId, region: DR_REGION }));
}

async function sharing({ world, key }: MigrationWorld, amiName: string) {
  const { instanceId } = await anInstance(world.home);
  const partnerAccounts = world.others.map(({ accountId }) => accountId);
  return { instanceId, amiName, description: 'for partners', partnerAccounts, kmsKeyId: key };
}

export const SCENARIOS: Record<string, Scenario> = {
  async policies(migrations) {
    const { world } = migrations;
    const planned = await start(migrations, 'planBackupPolicy', policy('kept'));
    await awaitResult(planned);
    const { frequency: _, ...byTheClock } = {
      ...policy('kept'),
      cron: '0 * * * *',
      timezone: 'Europe/Berlin',
    };
    const clocked = await start(migrations, 'planBackupPolicy', { ...byTheClock, rpo: '4h' });
    await awaitResult(clocked);
    const created = await start(migrations, 'createBackupPolicy', policy('kept'));
    await awaitResult(created);
    await anInstance(world.home, { tags: { policy: 'kept' } });
    const volumeId = await aVolume(world.home, { tags: { policy: 'kept' } });
    const run = await start(migrations, 'runBackup', { policyName: 'kept' });
    await awaitResult(run);
    world.proxy.fault('CreateSnapshot', REFUSED);
    const partly = await ended(await start(migrations, 'runBackup', { policyName: 'kept' }));
    world.proxy.reset();
    const inventory = await ended(await start(migrations, 'takeInventory', { policyName: 'kept' }));
    const expiry = await ended(await start(migrations, 'enforceExpiry', {}));
    const deleted = await ended(await start(migrations, 'deleteBackupPolicy', { policyName: 'kept' }));
    await migrations.deleteVolume(volumeId);
    return {
      'planBackupPolicy.succeeded': planned,
      'planBackupPolicy.clocks': clocked,
      'createBackupPolicy.succeeded': created,
      'takeInventory.succeeded': inventory,
      'runBackup.succeeded': run,
      'backupTarget.succeeded': backupChild(migrations, run),
      'runBackup.partly': partly,
      'backupTarget.partly': backupChild(migrations, partly),
      'enforceExpiry.succeeded': expiry,
      'deleteBackupPolicy.succeeded': deleted,
    };
  },

  /** A volume that was replaced, selected by its tags and by its id. */
  async replaced(migrations) {
    const { world } = migrations;
    const selector = { tags: { all: { policy: 'replaced' } } };
    const volumeId = await aVolume(world.home, { tags: { policy: 'replaced' } });
    await awaitResult(await migrations.start({ volumeIds: [volumeId] }));
    await awaitResult(await start(migrations, 'createBackupPolicy', policy('replaced')));
    const run = await ended(await start(migrations, 'runBackup', { policyName: 'replaced' }));
    const byId = { ...policy('by-id'), selector: { volumeIds: [volumeId] } };
    const planned = await ended(await start(migrations, 'planBackupPolicy', byId));
    await awaitResult(await start(migrations, 'createBackupPolicy', byId));
    const named = await ended(await start(migrations, 'runBackup', { policyName: 'by-id' }));
    return {
      'runBackup.leftOut': run,
      'backupTarget.leftOut': backupChild(migrations, run),
      'planBackupPolicy.replaced': planned,
      'runBackup.replaced': named,
      'backupTarget.replaced': backupChild(migrations, named),
      'encryptVolumes.leftOut': await ended(await migrations.start({ selector, dryRun: true })),
    };
  },

  async backupCancelled(migrations) {
    await anInstance(migrations.world.home, { tags: { policy: 'cancelled' } });
    await awaitResult(await start(migrations, 'createBackupPolicy', policy('cancelled')));
    const run = migrations.world.client.workflow.getHandle('backup-cancelled');
    const cancelled = migrations.meanwhile('CreateSnapshots', () => run.cancel());
    await migrations.world.start('runBackup', { policyName: 'cancelled' }, { workflowId: run.workflowId });
    await cancelled;
    await ended(run);
    return {
      'runBackup.cancelled': run,
      'backupTarget.cancelled': await ended(backupChild(migrations, run)),
    };
  },

  async copies(migrations) {
    const { world } = migrations;
    const copies = [{ toRegion: DR_REGION }];
    await awaitResult(await start(migrations, 'createBackupPolicy', { ...policy('copied'), copies }));
    await aVolume(world.home, { tags: { policy: 'copied' } });
    const run = await ended(await start(migrations, 'runBackup', { policyName: 'copied' }));
    const copied = await ended(await copiesOf(migrations, run));
    const queue = await ended(copyQueue(migrations));
    await aVolume(world.home, { tags: { policy: 'copied' }, kmsKeyId: migrations.key });
    const failed = await ended(
      await copiesOf(migrations, await start(migrations, 'runBackup', { policyName: 'copied' })),
    );
    return {
      'runBackup.copying': run,
      'copyRecoveryPoints.succeeded': copied,
      'copyRecoveryPoints.partly': failed,
      'copyQueue.emptied': queue,
    };
  },

  async legalHold(migrations) {
    const { world } = migrations;
    const legal = { ...policy('legal'), legalHold: 'kept by law', lock: { mode: 'governance', for: '20d' } };
    await awaitResult(await start(migrations, 'createBackupPolicy', legal));
    await aVolume(world.home, { tags: { policy: 'legal' } });
    const run = await ended(await start(migrations, 'runBackup', { policyName: 'legal' }));
    const hold = await start(migrations, 'setLegalHold', { policyName: 'kept', reason: 'case 7' });
    for (const by of ['ann', 'bob']) await hold.executeUpdate('approve', { args: [{ ...MESSAGE, by }] });
    return {
      'runBackup.held': run,
      'backupTarget.locked': backupChild(migrations, run),
      'setLegalHold.released': await ended(hold),
    };
  },

  async keys(migrations) {
    const asked = { description: 'EBS', keyUsage: 'ENCRYPT_DECRYPT' };
    const made = await start(migrations, 'createCustomerManagedKey', { ...asked, alias: 'alias/recorded' });
    await awaitResult(made);
    migrations.world.proxy.fault('EnableKeyRotation', REFUSED);
    const undone = await start(migrations, 'createCustomerManagedKey', { ...asked, alias: 'alias/undone' });
    await ended(undone);
    migrations.world.proxy.reset();
    const more = { ...asked, alias: 'alias/replicated', replicaRegions: [DR_REGION], rotateNow: true };
    const replicated = await ended(await start(migrations, 'createCustomerManagedKey', more));
    return {
      'createCustomerManagedKey.succeeded': made,
      'createCustomerManagedKey.undone': undone,
      'createCustomerManagedKey.replicated': replicated,
    };
  },

  async encryptionByDefault(migrations) {
    const kmsKeyIds = { [HOME_REGION]: migrations.key };
    const on = await ended(await start(migrations, 'enableEncryptionByDefault', { kmsKeyIds }));
    const { changed } = await awaitResult<EnableEncryptionByDefaultResult>(on);
    const back = { restore: changed.items };
    const restored = await ended(await start(migrations, 'enableEncryptionByDefault', back));
    const wrong = { ...kmsKeyIds, 'eu-west-1': 'alias/none' };
    const partly = await ended(await start(migrations, 'enableEncryptionByDefault', { kmsKeyIds: wrong }));
    await migrations.encryptionByDefaultOff();
    return {
      'enableEncryptionByDefault.succeeded': on,
      'enableEncryptionByDefault.restored': restored,
      'enableEncryptionByDefault.partly': partly,
    };
  },

  async images(migrations) {
    const { world } = migrations;
    const shared = await start(migrations, 'createShareableAmi', await sharing(migrations, 'shared'));
    const { amiId } = await awaitResult<{ amiId: string }>(shared);
    const copy = {
      amiId,
      destinationRegion: 'eu-west-1',
      partnerAccountId: world.others[0]?.accountId,
      kmsKeyId: await migrations.keyIn('eu-west-1'),
    };
    world.proxy.fault('CreateGrant', REFUSED);
    const copyUndone = await ended(await start(migrations, 'copyAmiToPartnerRegion', copy));
    world.proxy.reset();
    const copied = await ended(await start(migrations, 'copyAmiToPartnerRegion', copy));
    world.proxy.fault('CopyImage', REFUSED);
    const undone = await start(migrations, 'createShareableAmi', await sharing(migrations, 'undone'));
    await ended(undone);
    world.proxy.reset();
    const cancelled = world.client.workflow.getHandle('share-cancelled');
    const told = migrations.meanwhile('CopyImage', () => cancelled.cancel());
    const input = await sharing(migrations, 'cancelled');
    await world.start('createShareableAmi', input, { workflowId: cancelled.workflowId });
    await told;
    return {
      'createShareableAmi.succeeded': shared,
      'createShareableAmi.undone': undone,
      'createShareableAmi.cancelled': await ended(cancelled),
      'copyAmiToPartnerRegion.succeeded': copied,
      'copyAmiToPartnerRegion.undone': copyUndone,
    };
  },

  ...MIGRATION_SCENARIOS,
  ...CHECKED_SCENARIOS,

  async terms({ world }) {
    const terms = { ...policy('terms'), paused: true };
    await aVolume(world.home, { tags: { policy: 'terms' } });
    await world.run('createBackupPolicy', terms);
    await world.run('runBackup', { policyName: 'terms' });
    await world.run('createBackupPolicy', { ...terms, retention: '20d' });
    const applied = await world.start('applyRetention', { policyName: 'terms', dryRun: false });
    return { 'applyRetention.succeeded': await ended(applied) };
  },

  async archive({ world }) {
    const archive = { after: '30d', atMost: 1 };
    const old = { ...policy('old'), frequency: '40d', retention: '20y', minKeep: 1, paused: true, archive };
    await world.run('createBackupPolicy', old);
    await aVolume(world.home, { tags: { policy: 'old' } });
    const [recoveryPointId] = [await pointOf(world, 0), await pointOf(world, 1), await pointOf(world, 2)];
    const expiry = await ended(await world.start('enforceExpiry', {}));
    const restored = await ended(await world.start('restoreFromArchive', { recoveryPointId, days: 90 }));
    const swept = await ended(await world.start('sweepOrphans', { dryRun: false }));
    world.clock.offset = 0;
    return {
      'enforceExpiry.archiving': expiry,
      'restoreFromArchive.succeeded': restored,
      'sweepOrphans.succeeded': swept,
    };
  },
};

async function pointOf(world: World, run: number): Promise<string | undefined> {
  world.clock.offset = run * 40 * 86_400_000;
  const { recoveryPoints } = await world.run<RunBackupResult>('runBackup', { policyName: 'old' });
  return recoveryPoints.items[0]?.recoveryPointId;
}

/** On a server that suggests to continue as new after a few events. */
export const BACKUPS_CONTINUED: Scenario = async (migrations) => {
  await volumesOfTwoPages(migrations.world.home, { policy: 'long' });
  await awaitResult(await start(migrations, 'createBackupPolicy', policy('long')));
  const run = await ended(await start(migrations, 'runBackup', { policyName: 'long' }));
  const last = backupChild(migrations, run);
  return {
    'backupTarget.continued': await firstRunOf(migrations, last),
    'backupTarget.continuation': last,
  };
};

export const CONTINUED: Record<string, Scenario> = {
  backups: BACKUPS_CONTINUED,
  campaign: CONTINUED_CAMPAIGN,
};
