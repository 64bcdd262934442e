import { DisableKeyCommand, EnableKeyCommand } from '@aws-sdk/client-kms';
import type { RunBackupResult } from '../../../src/model/backup/run';
import type { CopyRecoveryPointsResult } from '../../../src/model/copies/copy';
import { FAILURE } from '../../../src/model/failures';
import { awaitResult } from '../../support/awaitResult';
import { BackupWorld, DR } from '../../support/backup';
import { failedResult } from '../../support/failure';
import { aKey, aVolume } from '../../support/seed';
import { until } from '../../support/until';
import { throughout } from '../../support/throughout';

describe('copies that a slot lacks', () => {
  const backups = throughout(() => BackupWorld.open());

  const apply = (policyName: string, copy: object, more: object = {}) =>
    backups().policy(policyName, { copies: [{ toRegion: DR, ...copy }], ...more });
  const backUp = (policyName: string) => backups().world.run<RunBackupResult>('runBackup', { policyName });
  const copiesOf = ({ copies }: RunBackupResult) =>
    backups().world.client.workflow.getHandle(copies.items[0]?.workflowId ?? '');
  const copiesIn = (policyName: string) => backups().snapshots(policyName, DR);
  const slotsCopied = async (policyName: string) =>
    (await copiesIn(policyName)).map(
      ({ Tags = [] }) => Tags.find(({ Key }) => Key === 'holdfast:slot')?.Value ?? '',
    );

  it('because its key was off are made by the next job, and told', async () => {
    await aVolume(backups().world.home, { tags: { policy: 'off' } });
    const KeyId = await aKey(backups().world.home, DR);
    await apply('off', { kmsKeyId: KeyId });
    await backups().world.home.kms(DR).send(new DisableKeyCommand({ KeyId }));
    const missed = await backUp('off');
    await failedResult(awaitResult(copiesOf(missed)), FAILURE.keyUnusable);
    await backups().world.home.kms(DR).send(new EnableKeyCommand({ KeyId }));
    const next = await backUp('off');
    const told = await awaitResult<CopyRecoveryPointsResult>(copiesOf(next));
    expect(told).toMatchObject({ copied: 1, madeUpFor: [missed.slot] });
    await until(async () => (await copiesIn('off')).length === 2);
    expect((await slotsCopied('off')).sort()).toEqual([missed.slot, next.slot].sort());
    expect(await awaitResult(copiesOf(missed))).toMatchObject({ copied: 1, slot: missed.slot });
    const third = await awaitResult<CopyRecoveryPointsResult>(copiesOf(await backUp('off')));
    expect(third.madeUpFor).toBeUndefined();
  });

  it('because its backup was terminated before it started them are made by the next job', async () => {
    await aVolume(backups().world.home, { tags: { policy: 'cut' } });
    await apply('cut', {});
    // Protected, and cut off before the copies: the run's child goes on.
    const { came, release } = backups().world.proxy.hold('CreateSnapshot');
    const run = await backups().world.start('runBackup', { policyName: 'cut' });
    await came;
    await run.terminate('out of hand');
    release();
    const source = async () => (await backups().snapshots('cut'))[0]?.State === 'completed';
    await until(source);
    const next = await backUp('cut');
    const told = await awaitResult<CopyRecoveryPointsResult>(copiesOf(next));
    expect(told.madeUpFor).toHaveLength(1);
    await until(async () => (await copiesIn('cut')).length === 2);
    expect((await slotsCopied('cut')).sort()).toEqual([...(told.madeUpFor ?? []), next.slot].sort());
  });

  it('are none where its points count as failed: those are copied too', async () => {
    await aVolume(backups().world.home, { tags: { policy: 'unlocked' } });
    const lock = { mode: 'governance', for: '20d' };
    await apply('unlocked', {}, { lock });
    // The point is there, and counts as failed.
    backups().world.proxy.fault('LockSnapshot', { before: { code: 'UnauthorizedOperation', status: 403 } });
    const failed = await failedResult<RunBackupResult>(backUp('unlocked'), FAILURE.allFailed);
    expect(failed.recoveryPoints.total).toBe(1);
    backups().world.proxy.reset();
    await awaitResult<CopyRecoveryPointsResult>(copiesOf(failed));
    await until(async () => (await slotsCopied('unlocked')).includes(failed.slot));
  });

  it('and whose time is over by now are not', async () => {
    await aVolume(backups().world.home, { tags: { policy: 'over' } });
    const KeyId = await aKey(backups().world.home, DR);
    await apply('over', { kmsKeyId: KeyId, retention: '1d' });
    await backups().world.home.kms(DR).send(new DisableKeyCommand({ KeyId }));
    await failedResult(awaitResult(copiesOf(await backUp('over'))), FAILURE.keyUnusable);
    await backups().world.home.kms(DR).send(new EnableKeyCommand({ KeyId }));
    backups().world.clock.offset += 2 * 86_400_000;
    const told = await awaitResult<CopyRecoveryPointsResult>(copiesOf(await backUp('over')));
    expect(told.madeUpFor).toBeUndefined();
    expect(await copiesIn('over')).toHaveLength(1);
  });
});
