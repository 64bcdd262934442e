import type { EncryptVolumesResult } from '../../../../src/model/encryption/campaign/campaign';
import { FAILURE } from '../../../../src/model/failures';
import type { Strategy } from '../../../../src/model/moves/strategy';
import { failedResult } from '../../../support/failure';
import { throughout } from '../../../support/throughout';
import { LoneVolumes, NOTHING } from './volumes';

const REFUSED = { before: { code: 'UnauthorizedOperation', status: 403 } };

describe('encryptVolumes of volumes that are attached to nothing', () => {
  const volumes = throughout(() => LoneVolumes.open());
  const allFailed = (run: Promise<unknown>) => failedResult<EncryptVolumesResult>(run, FAILURE.allFailed);

  it.each<[Strategy, string, number]>([
    ['direct', 'CreateSnapshot', 1],
    ['direct', 'CreateVolume', 1],
    ['copy', 'CopySnapshot', 1],
    ['clone', 'CopyVolumes', 2],
    ['direct', 'CreateTags', 2],
  ])('leaves nothing behind when, by %s, %s is refused', async (strategy, action, nth) => {
    const volumeId = await volumes().written();
    const before = await volumes().volume(volumeId);
    volumes().migrations.world.proxy.fault(action, REFUSED, nth);
    const result = await allFailed(volumes().migrations.encrypt({ volumeIds: [volumeId], strategy }));
    expect(result.rolledBack.items[0]).toMatchObject({ item: volumeId });
    expect(await volumes().volume(volumeId)).toEqual(before);
    expect(await volumes().leftBy(volumeId)).toEqual(NOTHING);
  });

  it.each<[Strategy, string]>([
    ['direct', 'CreateSnapshot'],
    ['direct', 'CreateVolume'],
    ['copy', 'CopySnapshot'],
    ['clone', 'CopyVolumes'],
    ['direct', 'CreateTags'],
  ])('makes nothing twice when, by %s, the answer to %s is lost', async (strategy, action) => {
    const volumeId = await volumes().written();
    const content = await volumes().migrations.blocks.digest(volumeId);
    volumes().migrations.world.proxy.fault(action, { after: 'lose the response' }, [1, 2]);
    const { volumeIdMap } = await volumes().migrations.encrypt({ volumeIds: [volumeId], strategy });
    expect(await volumes().migrations.blocks.digest(volumeIdMap[volumeId] ?? '')).toBe(content);
    const snapshots = { copy: 2, direct: 1, clone: 0 }[strategy];
    expect(await volumes().leftBy(volumeId)).toMatchObject({ made: 1, snapshots });
  });

  it.each<[Strategy, string]>([
    ['direct', 'CreateSnapshot'],
    ['copy', 'CopySnapshot'],
    ['direct', 'CreateVolume'],
  ])('ends a %s when somebody attaches the volume at %s, and does not touch it', async (strategy, action) => {
    const volumeId = await volumes().written();
    let holder = '';
    const attached = volumes().migrations.meanwhile(action, async () => {
      holder = await volumes().attach(volumeId);
    });
    const run = allFailed(volumes().migrations.encrypt({ volumeIds: [volumeId], strategy }));
    await attached;
    const [failure] = (await run).rolledBack.items;
    expect(failure?.message).toContain(`${volumeId} in`);
    expect(failure?.message).toContain(`is attached to ${holder}: somebody uses it meanwhile`);
    expect(await volumes().leftBy(volumeId)).toEqual(NOTHING);
    expect((await volumes().volume(volumeId))?.Attachments).toMatchObject([{ InstanceId: holder }]);
  });

  it('undoes when it is cancelled', async () => {
    const volumeId = await volumes().written();
    const cancelled = volumes().migrations.meanwhile('CreateVolume', () =>
      volumes().migrations.volume(volumeId).cancel(),
    );
    const run = allFailed(volumes().migrations.encrypt({ volumeIds: [volumeId] }));
    await cancelled;
    expect((await run).skipped.items[0]?.item).toBe(volumeId);
    expect(await volumes().leftBy(volumeId)).toEqual(NOTHING);
  });
});
