import { once } from 'node:events';
import { DescribeSnapshotsCommand, GetEbsEncryptionByDefaultCommand } from '@aws-sdk/client-ec2';
import type { RunBackupResult } from '../../src/model/backup/run';
import { awaitResult } from '../support/awaitResult';
import { Guests } from '../support/guests';
import { HEARTBEAT_LIMIT, mortalWorkers, SHORT_LIMITS } from '../support/mortalWorkers';
import { anInstance, aVolume } from '../support/seed';

/** Freezes guests; has no slot of its own. */
const frozenPolicy = (policyName: string) => ({
  policyName,
  frequency: '4h',
  retention: '30d',
  selector: { tags: { all: { policy: policyName } } },
  hooks: { pre: { commands: ['fsfreeze -f /data'] }, post: { commands: ['fsfreeze -u /data'] } },
  paused: true,
});

describe('a worker process that is killed', () => {
  const mortal = mortalWorkers();
  const { killedAt } = mortal;

  it('loses nothing of a small run: the next one finishes it', async () => {
    const { home } = mortal.migrations.world;
    const input = { kmsKeyIds: { 'us-east-1': mortal.migrations.key } };
    const run = await killedAt('EnableEbsEncryptionByDefault', () =>
      mortal.migrations.world.start('enableEncryptionByDefault', input, { limits: SHORT_LIMITS }),
    );
    await awaitResult(run);
    const set = await home.ec2().send(new GetEbsEncryptionByDefaultCommand({}));
    expect(set.EbsEncryptionByDefault).toBe(true);
    await mortal.migrations.encryptionByDefaultOff();
  });

  it('leaves exactly one snapshot set when it dies at CreateSnapshots', async () => {
    const { home } = mortal.migrations.world;
    const policyName = 'killed';
    const { volumes } = await anInstance(home, { tags: { policy: policyName } });
    const selector = { tags: { all: { policy: policyName } } };
    await mortal.workers.standing();
    await mortal.migrations.world.run('createBackupPolicy', {
      policyName,
      frequency: '4h',
      retention: '30d',
      selector,
      // No slot of its own may come between.
      paused: true,
    });
    const run = await killedAt('CreateSnapshots', () =>
      mortal.migrations.world.start('runBackup', { policyName }, { limits: HEARTBEAT_LIMIT }),
    );
    const result = await awaitResult<RunBackupResult>(run);
    expect(result).toMatchObject({ status: 'COMPLETED', protected: 1, volumes: 2 });
    const Filters = [{ Name: 'tag:holdfast:policy', Values: [policyName] }];
    const { Snapshots = [] } = await home.ec2().send(new DescribeSnapshotsCommand({ Filters }));
    expect(Snapshots.map(({ VolumeId }) => VolumeId).sort()).toEqual(Object.values(volumes).sort());
    expect(mortal.migrations.world.proxy.callsOf('CreateSnapshots')).toHaveLength(1);
  }, 150_000);

  it.each([
    ['SendCommand', ['pre', 'post', 'pre', 'post']],
    ['CreateSnapshots', ['pre', 'post']],
  ])(
    'leaves no guest frozen, and one set, when it dies at %s',
    async (action, commands) => {
      const { home, proxy } = mortal.migrations.world;
      const policyName = `frozen-${action}`;
      const { instanceId } = await anInstance(home, { tags: { policy: policyName } });
      await mortal.workers.standing();
      await mortal.migrations.world.run('createBackupPolicy', frozenPolicy(policyName));
      const run = await killedAt(action, () =>
        mortal.migrations.world.start('runBackup', { policyName }, { limits: HEARTBEAT_LIMIT }),
      );
      const calls = proxy.calls.length;
      const { recoveryPoints } = await awaitResult<RunBackupResult>(run);
      expect(recoveryPoints.items).toMatchObject([{ consistency: 'application' }]);
      const guest = await new Guests(proxy.upstream.origin, home).of(instanceId);
      expect(guest.frozen).toBe(false);
      expect(guest.snapshots.map(({ frozen }) => frozen)).toEqual([true, true]);
      const sent = proxy.callsOf('SendCommand').map(({ params }) => params.Comment?.split('/')[2]);
      expect(sent).toEqual(commands);
      // The thaw comes before the first look for a set.
      const later = proxy.calls.slice(calls).map((call) => call.action);
      expect(later.indexOf('SendCommand')).toBeGreaterThanOrEqual(0);
      expect(later.indexOf('SendCommand')).toBeLessThan(later.indexOf('DescribeSnapshots'));
    },
    150_000,
  );

  it('leaves no guest frozen when the run is cancelled before anybody has noticed that it died', async () => {
    const { home, proxy } = mortal.migrations.world;
    const { instanceId } = await anInstance(home, { tags: { policy: 'both' } });
    const guest = () => new Guests(proxy.upstream.origin, home).of(instanceId);
    const worker = await mortal.workers.standing();
    await mortal.migrations.world.run('createBackupPolicy', frozenPolicy('both'));
    const gone = once(worker, 'exit');
    proxy.fault('CreateSnapshots', { held: () => mortal.workers.kill(worker) }, 1);
    const limits = { heartbeat: 6_000 };
    const run = await mortal.migrations.world.start('runBackup', { policyName: 'both' }, { limits });
    await gone;
    await run.cancel();
    expect(await guest()).toMatchObject({ frozen: true });
    await mortal.workers.standing();
    await expect(awaitResult(run, 150_000)).rejects.toMatchObject({ name: 'WorkflowFailedError' });
    expect(await guest()).toMatchObject({ frozen: false });
  }, 200_000);

  it('leaves exactly one copy when it dies at CopySnapshot', async () => {
    const { home } = mortal.migrations.world;
    const policyName = 'copied';
    await aVolume(home, { tags: { policy: policyName } });
    const selector = { tags: { all: { policy: policyName } } };
    const copies = [{ toRegion: 'eu-west-1' }];
    await mortal.workers.standing();
    const policy = { policyName, frequency: '4h', retention: '30d', selector, copies };
    await mortal.migrations.world.run('createBackupPolicy', policy);
    const run = await killedAt('CopySnapshot', () =>
      mortal.migrations.world.start('runBackup', { policyName }, { limits: HEARTBEAT_LIMIT }),
    );
    const { copies: started } = await awaitResult<RunBackupResult>(run);
    const copying = mortal.migrations.world.client.workflow.getHandle(started.items[0]?.workflowId ?? '');
    // The queue has no shortened limits: a lost heartbeat is noticed after half a minute.
    expect(await awaitResult(copying, 120_000)).toMatchObject({ copied: 1 });
    const Filters = [{ Name: 'tag:holdfast:policy', Values: [policyName] }];
    const { Snapshots } = await home.ec2('eu-west-1').send(new DescribeSnapshotsCommand({ Filters }));
    expect(Snapshots).toHaveLength(1);
    expect(mortal.migrations.world.proxy.callsOf('CopySnapshot')).toHaveLength(1);
  }, 150_000);
});
