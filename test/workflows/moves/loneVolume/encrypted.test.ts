import { CreateTagsCommand } from '@aws-sdk/client-ec2';
import type { EncryptVolumesResult } from '../../../../src/model/encryption/campaign/campaign';
import { FAILURE } from '../../../../src/model/failures';
import type { MigrateVolumeResult } from '../../../../src/model/moves/loneVolume';
import type { Strategy } from '../../../../src/model/moves/strategy';
import { awaitResult } from '../../../support/awaitResult';
import { failedResult } from '../../../support/failure';
import { anInstance, type aVolume, tagsOf } from '../../../support/seed';
import { throughout } from '../../../support/throughout';
import { attributes, LoneVolumes, NOTHING, TAGS } from './volumes';

const REFUSED = { before: { code: 'UnauthorizedOperation', status: 403 } };

describe('encryptVolumes of volumes that are attached to nothing', () => {
  const volumes = throughout(() => LoneVolumes.open());
  const allFailed = (run: Promise<unknown>) => failedResult<EncryptVolumesResult>(run, FAILURE.allFailed);

  it.each<[Strategy | 'auto', Parameters<typeof aVolume>[1]]>([
    ['auto', { type: 'gp3', size: 12, iops: 4000, throughput: 250 }],
    ['clone', { type: 'io2', size: 20, iops: 1000, multiAttach: true }],
    ['copy', { type: 'st1', size: 500 }],
    ['direct', { type: 'io2', size: 20, iops: 1000, multiAttach: true }],
  ])(
    'makes each anew, equal but for the encryption, and keeps it until commit: %s',
    async (strategy, spec) => {
      const volumeId = await volumes().written(spec);
      const [before, content] = [
        await volumes().volume(volumeId),
        await volumes().migrations.blocks.digest(volumeId),
      ];
      const result = await volumes().migrations.encrypt({ volumeIds: [volumeId], strategy });
      const newVolumeId = result.volumeIdMap[volumeId];
      expect(result.encrypted).toMatchObject({
        total: 1,
        items: [{ volumeId, newVolumeId, references: [] }],
      });
      expect(result.summary).toContain('and 1 volume by itself');
      const made = await volumes().volume(newVolumeId);
      expect(made).toMatchObject({ State: 'available', Encrypted: true, KmsKeyId: volumes().migrations.key });
      expect(attributes(made)).toEqual(attributes(before));
      expect(await volumes().migrations.blocks.digest(newVolumeId ?? '')).toBe(content);
      expect(attributes(await volumes().volume(volumeId))).toEqual(attributes(before));

      await volumes().migrations.tellVolume(volumeId, 'commit');
      const committed = await awaitResult<MigrateVolumeResult>(volumes().migrations.volume(volumeId));
      expect(committed).toMatchObject({ outcome: 'encrypted', committed: true });
      expect(await volumes().volume(volumeId)).toBeUndefined();
      expect(Object.keys(tagsOf((await volumes().volume(newVolumeId)) ?? {})).sort()).toEqual(
        Object.keys(TAGS).sort(),
      );
      const kept = await volumes().snapshotsOf(volumeId);
      expect(kept.map(({ KmsKeyId }) => KmsKeyId)).toEqual([volumes().migrations.key]);
      expect(kept.map((each) => tagsOf(each)['holdfast:expires-at'])).toEqual(['never']);
      expect(await volumes().migrations.blocks.digest(kept[0]?.SnapshotId ?? '')).toBe(content);
    },
  );

  it('finds them by tag beside machines, and names tags elsewhere that hold the old id', async () => {
    const { instanceId } = await anInstance(volumes().migrations.world.home, { tags: { mixed: 'yes' } });
    const volumeId = await volumes().written({ tags: { mixed: 'yes' } });
    const Tags = [{ Key: 'data-volume', Value: volumeId }];
    await volumes().ec2.send(new CreateTagsCommand({ Resources: [instanceId], Tags }));
    const selector = { tags: { all: { mixed: 'yes' } } };
    const planned = await volumes().migrations.encrypt({ selector, dryRun: true });
    expect(planned.volumePlan?.items).toMatchObject([{ volumeId, strategy: { name: 'direct' } }]);
    const { encrypted } = await volumes().migrations.encrypt({ selector });
    expect(encrypted.items).toMatchObject([
      { instanceId, volumes: 2 },
      { volumeId, references: [`instance ${instanceId}, tag data-volume`] },
    ]);
    const again = await volumes().migrations.encrypt({ selector });
    expect(again.leftOut?.items.map(({ item }) => item)).toContain(volumeId);
    expect(again.encrypted.total).toBe(0);
  });

  it('skips what Kubernetes looks after, and says so', async () => {
    const volumeId = await volumes().written({ tags: { 'kubernetes.io/created-for/pvc/name': 'db' } });
    volumes().migrations.world.proxy.reset();
    const { skipped } = await allFailed(volumes().migrations.encrypt({ volumeIds: [volumeId] }));
    expect(skipped.items[0]?.reasons[0]).toContain('Kubernetes');
    expect(volumes().migrations.world.proxy.mutations()).toEqual([]);
  });

  it('works without the workflow cache', async () => {
    await volumes().migrations.world.stopWorker();
    await volumes().migrations.world.startWorker({ cache: false });
    const volumeId = await volumes().written();
    const content = await volumes().migrations.blocks.digest(volumeId);
    volumes().migrations.world.proxy.fault('CreateVolume', REFUSED, 1);
    await allFailed(volumes().migrations.encrypt({ volumeIds: [volumeId] }));
    expect(await volumes().leftBy(volumeId)).toEqual(NOTHING);
    const { volumeIdMap } = await volumes().migrations.encrypt({ volumeIds: [volumeId] });
    expect(await volumes().migrations.blocks.digest(volumeIdMap[volumeId] ?? '')).toBe(content);
    await volumes().migrations.tellVolume(volumeId, 'commit');
    await awaitResult(volumes().migrations.volume(volumeId));
    expect(await volumes().volume(volumeId)).toBeUndefined();
  });
});
