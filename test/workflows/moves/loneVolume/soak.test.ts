import type { EncryptVolumesResult } from '../../../../src/model/encryption/campaign/campaign';
import { FAILURE } from '../../../../src/model/failures';
import type { MigrateVolumeResult } from '../../../../src/model/moves/loneVolume';
import type { SweepOrphansResult } from '../../../../src/model/operations/sweep';
import { awaitResult } from '../../../support/awaitResult';
import { failedResult } from '../../../support/failure';
import { ANY_LOSS, STRATEGIES } from '../../../support/migration';
import { tagsOf } from '../../../support/seed';
import { throughout } from '../../../support/throughout';
import { LoneVolumes, NOTHING } from './volumes';

describe('encryptVolumes of volumes that are attached to nothing', () => {
  const volumes = throughout(() => LoneVolumes.open());
  const allFailed = (run: Promise<unknown>) => failedResult<EncryptVolumesResult>(run, FAILURE.allFailed);

  it.each(STRATEGIES)(
    'goes back to the original after a %s, and keeps what was on the new one',
    async (strategy) => {
      const volumeId = await volumes().written();
      const before = await volumes().volume(volumeId);
      const { volumeIdMap } = await volumes().migrations.encrypt({ volumeIds: [volumeId], strategy });
      const made = volumeIdMap[volumeId] ?? '';
      await volumes().write(made, 5);
      const content = await volumes().migrations.blocks.digest(made);
      await volumes().migrations.tellVolume(volumeId, 'rollback', ANY_LOSS);
      const back = await awaitResult<MigrateVolumeResult>(volumes().migrations.volume(volumeId));
      expect(back).toMatchObject({ outcome: 'rolledBack', committed: false });
      expect(await volumes().volume(volumeId)).toEqual(before);
      expect(await volumes().volume(made)).toBeUndefined();
      // What is kept is a point of the volume itself, whatever id its disk had meanwhile.
      expect(await volumes().leftBy(volumeId)).toEqual({ ...NOTHING, snapshots: 1 });
      const [kept, ...more] = await volumes().snapshotsOf(made);
      expect(more).toEqual([]);
      expect(kept).toMatchObject({ Encrypted: true, State: 'completed' });
      expect(tagsOf(kept ?? {})['holdfast:recovery-point']).toBe(back.keptRecoveryPoint);
      expect(await volumes().migrations.blocks.digest(kept?.SnapshotId ?? '')).toBe(content);
    },
  );

  it('does not roll back while somebody uses the new volume, and says who', async () => {
    const volumeId = await volumes().written();
    const { volumeIdMap } = await volumes().migrations.encrypt({ volumeIds: [volumeId] });
    const holder = await volumes().attach(volumeIdMap[volumeId] ?? '');
    await volumes().migrations.tellVolume(volumeId, 'rollback', ANY_LOSS);
    await volumes().migrations.phase(volumes().migrations.volume(volumeId), 'Needs a person');
    const { rows } = await volumes()
      .migrations.volume(volumeId)
      .query<{ rows: { state: string; note?: string }[] }>('progress');
    expect(rows.find(({ state }) => state === 'stuck')?.note).toContain(`attached to ${holder}`);
    expect(await volumes().volume(volumeIdMap[volumeId])).toBeDefined();
  });

  it.each<[string, string, boolean]>([
    ['undoes and begins anew', 'CreateVolume', true],
    ['undoes and begins anew', 'CreateSnapshot', true],
    ['takes over', 'soak', false],
  ])('%s, in the next run, what one terminated at %s has left', async (_, action, anew) => {
    const volumeId = await volumes().written();
    const content = await volumes().migrations.blocks.digest(volumeId);
    const input = { volumeIds: [volumeId] };
    if (anew) {
      const terminated = volumes().migrations.meanwhile(action, () =>
        volumes().migrations.volume(volumeId).terminate('test'),
      );
      const campaign = await volumes().migrations.start(input, { limits: { timer: 1_000 } });
      await terminated;
      await allFailed(awaitResult(campaign));
    } else {
      await volumes().migrations.encrypt(input);
      await volumes().migrations.volume(volumeId).terminate('test');
    }
    volumes().migrations.world.proxy.reset();
    const { volumeIdMap } = await volumes().migrations.encrypt(input);
    expect(volumes().migrations.world.proxy.callsOf('CreateVolume')).toHaveLength(anew ? 1 : 0);
    expect(await volumes().migrations.blocks.digest(volumeIdMap[volumeId] ?? '')).toBe(content);
    expect(await volumes().leftBy(volumeId)).toMatchObject({ made: 1, snapshots: 1 });
    await volumes().migrations.tellVolume(volumeId, 'commit');
    await awaitResult(volumes().migrations.volume(volumeId));
    expect(await volumes().volume(volumeId)).toBeUndefined();
  });

  it('is no orphan while it soaks, nor what a terminated one has left', async () => {
    const volumeId = await volumes().written();
    const { volumeIdMap } = await volumes().migrations.encrypt({ volumeIds: [volumeId] });
    const ids = [
      volumeId,
      volumeIdMap[volumeId],
      ...(await volumes().snapshotsOf(volumeId)).map((each) => each.SnapshotId),
    ];
    expect(ids).toHaveLength(3);
    const found = async () => {
      const swept = await volumes().migrations.world.run<SweepOrphansResult>('sweepOrphans', {});
      return swept.found.items.filter(({ resourceId }) => ids.includes(resourceId));
    };
    volumes().migrations.world.clock.offset = 1000 * 86_400_000;
    expect(await found()).toEqual([]);
    await volumes().migrations.volume(volumeId).terminate('test');
    expect(await found()).toEqual([]);
    volumes().migrations.world.clock.offset = 0;
  });
});
