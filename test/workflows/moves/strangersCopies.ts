import { DescribeVolumesCommand } from '@aws-sdk/client-ec2';
import type { Strategy } from '../../../src/model/moves/strategy';
import { expectOnlyEncryptionChanged } from '../../support/claims';
import { STRATEGIES, type MigrationWorld } from '../../support/migration';
import { anInstance, tagsOf } from '../../support/seed';
import { Strangers } from '../../support/strangers';

/** Of a migration from its beginning to its soak: where something has just been made or marked. */
const AT: Record<Strategy, [string, number][]> = {
  copy: [
    ['StopInstances', 1],
    ['CreateVolume', 2],
    ['DetachVolume', 2],
    ['AttachVolume', 2],
  ],
  direct: [
    ['StopInstances', 1],
    ['CreateVolume', 2],
    ['AttachVolume', 2],
  ],
  clone: [
    ['CopyVolumes', 3],
    ['AttachVolume', 2],
  ],
};

export const PHASES = STRATEGIES.flatMap((strategy) =>
  AT[strategy].map(([action, nth]) => [strategy, action, nth] as const),
);

/** A machine, what is on it, and whoever copies what carries Holdfast's marks. */
export interface Watched {
  instanceId: string;
  strangers: Strangers;
  before: Awaited<ReturnType<MigrationWorld['stateOf']>>;
  content: Record<string, string>;
}

export async function watchedMachine(migrations: MigrationWorld): Promise<Watched> {
  const { instanceId } = await anInstance(migrations.account);
  await migrations.writeTo(instanceId);
  return {
    instanceId,
    strangers: await Strangers.of(migrations.account),
    before: await migrations.stateOf(instanceId),
    content: await migrations.contentOf(instanceId),
  };
}

export async function expectMigrated(migrations: MigrationWorld, watched: Watched): Promise<void> {
  const { instanceId, before, content, strangers } = watched;
  expectOnlyEncryptionChanged(before, await migrations.stateOf(instanceId));
  expect(await migrations.contentOf(instanceId)).toEqual(content);
  expect(await strangers.harmed()).toEqual([]);
}

/** As before, and of what the migration has made nothing is left; what strangers have made is. */
export async function expectUndone(migrations: MigrationWorld, watched: Watched): Promise<void> {
  const { instanceId, before, strangers } = watched;
  expect(await migrations.stateOf(instanceId)).toEqual(before);
  const { Volumes = [] } = await migrations.account.ec2().send(new DescribeVolumesCommand({}));
  const originals = before.disks.map(({ volumeId }) => volumeId);
  const made = Volumes.filter(
    (each) =>
      originals.includes(tagsOf(each)['holdfast:replaces']) && !strangers.ids.includes(each.VolumeId ?? ''),
  );
  expect(made.map(({ VolumeId }) => VolumeId)).toEqual([]);
  expect(await strangers.harmed()).toEqual([]);
}
