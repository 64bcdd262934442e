import type { RunBackupResult } from '../../src/model/backup/run';
import { ended, type Scenario } from '../replay/scenario';
import { HOOKS } from './hooksWorld';
import { MESSAGE, type MigrationWorld } from './migration';
import { aKey, anInstance, aVolume } from './seed';

const DR_REGION = 'eu-west-1';
const REFUSED = { before: { code: 'AccessDeniedException', status: 403 } };

const policy = (policyName: string, more: object = {}) => ({
  ...{ policyName, frequency: '4h', retention: '3000d', paused: true },
  selector: { tags: { all: { policy: policyName } } },
  ...more,
});

/** A machine whose volumes are under two keys: what is done key by key takes twice as long. */
async function underTwoKeys({ world, key }: MigrationWorld, policyName: string): Promise<string> {
  const { instanceId } = await anInstance(world.home, {
    tags: { policy: policyName },
    root: { kmsKeyId: key },
    data: [{ device: '/dev/sdf', kmsKeyId: await aKey(world.home) }],
  });
  return instanceId;
}

/** Paths that no history is recorded of, and whose activities wait all the same. */
export const MORE_SCENARIOS: Record<string, Scenario> = {
  async vault(migrations) {
    const { world } = migrations;
    const [vault] = world.others;
    if (!vault) throw new Error('the world has no other account');
    await underTwoKeys(migrations, 'vaulted');
    const copy = { toAccount: vault.accountId, toRegion: DR_REGION, kmsKeyId: await aKey(vault, DR_REGION) };
    await world.run('createBackupPolicy', policy('vaulted', { copies: [copy] }));
    const { copies } = await world.run<RunBackupResult>('runBackup', { policyName: 'vaulted' });
    const copying = world.client.workflow.getHandle(copies.items[0]?.workflowId ?? '');
    return { copying: await ended(copying) };
  },

  async hooked(migrations) {
    const { world } = migrations;
    await anInstance(world.home, { tags: { policy: 'hooked' } });
    await world.run('createBackupPolicy', policy('hooked', { hooks: HOOKS }));
    const hooked = await ended(await world.start('runBackup', { policyName: 'hooked' }));
    const run = world.client.workflow.getHandle('hooked-cancelled');
    const cancelled = migrations.meanwhile('SendCommand', () => run.cancel());
    await world.start('runBackup', { policyName: 'hooked' }, { workflowId: run.workflowId });
    await cancelled;
    return { hooked, cancelled: await ended(run) };
  },

  /** Of the images of a machine whose volumes are under two keys. */
  async sharesUndone(migrations) {
    const { world } = migrations;
    const asked = {
      instanceId: await underTwoKeys(migrations, 'none'),
      description: 'for partners',
      partnerAccounts: world.others.map(({ accountId }) => accountId),
    };
    const run = world.client.workflow.getHandle('share-cancelled-late');
    const cancelled = migrations.meanwhile('ModifyImageAttribute', () => run.cancel());
    const input = { ...asked, amiName: 'cancelled-late' };
    await world.start('createShareableAmi', input, { workflowId: run.workflowId });
    await cancelled;
    await ended(run);
    world.proxy.reset();
    world.proxy.fault('ModifySnapshotAttribute', REFUSED);
    world.proxy.fault('ModifyImageAttribute', REFUSED);
    const refused = await world.start('createShareableAmi', { ...asked, amiName: 'refused' });
    await ended(refused);
    world.proxy.fault('CreateGrant', REFUSED);
    const ungranted = await world.start('createShareableAmi', { ...asked, amiName: 'ungranted' });
    return { cancelled: run, refused, ungranted: await ended(ungranted) };
  },

  /** In an account with many keys that have no alias: each of them might be the one that was made. */
  async keyChanged({ world }) {
    for (let made = 0; made < 15; made++) await aKey(world.home);
    const alias = 'alias/changed';
    const asked = { alias, keyUsage: 'ENCRYPT_DECRYPT' };
    await world.run('createCustomerManagedKey', { ...asked, description: 'first' });
    const partnerAccounts = world.others.map(({ accountId }) => accountId);
    const more = { description: 'second', partnerAccounts, users: [world.home.roleArn] };
    return { changed: await ended(await world.start('createCustomerManagedKey', { ...asked, ...more })) };
  },

  async expired({ world }) {
    await world.run(
      'createBackupPolicy',
      policy('short', { frequency: '1d', retention: '2d', minKeep: 1, paused: false }),
    );
    await aVolume(world.home, { tags: { policy: 'short' } });
    for (let day = 0; day < 4; day++) {
      world.clock.offset = day * 86_400_000;
      await world.run('runBackup', { policyName: 'short' });
    }
    const expiry = await ended(await world.start('enforceExpiry', {}));
    const hold = await world.start('setLegalHold', { policyName: 'short', reason: 'case 8' });
    for (const by of ['ann', 'bob']) await hold.executeUpdate('approve', { args: [{ ...MESSAGE, by }] });
    world.clock.offset = 0;
    return { expiry, hold: await ended(hold) };
  },
};
