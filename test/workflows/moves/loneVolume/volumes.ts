import {
  AttachVolumeCommand,
  DescribeSnapshotsCommand,
  DetachVolumeCommand,
  type EC2Client,
  type Snapshot,
  type Volume,
} from '@aws-sdk/client-ec2';
import { MigrationWorld } from '../../../support/migration';
import { anInstance, aVolume, tagsOf } from '../../../support/seed';
import { until } from '../../../support/until';

export const TAGS = { Name: 'orders', team: 'shop' };

/** What a move leaves that is undone. */
export const NOTHING = { made: 0, marks: [], snapshots: 0 };

/** A world with volumes that are attached to nothing, and a machine that writes to them. */
export class LoneVolumes {
  private constructor(
    readonly migrations: MigrationWorld,
    private readonly writer: string,
  ) {}

  static async open(): Promise<LoneVolumes> {
    const migrations = await MigrationWorld.open();
    const { instanceId } = await anInstance(migrations.world.home, { instanceType: 'm5.large', data: [] });
    return new LoneVolumes(migrations, instanceId);
  }

  get ec2(): EC2Client {
    return this.migrations.world.home.ec2();
  }

  async written(spec: Parameters<typeof aVolume>[1] = {}): Promise<string> {
    const volumeId = await aVolume(this.migrations.world.home, { tags: TAGS, ...spec });
    await this.write(volumeId, 0, 3);
    this.reset();
    return volumeId;
  }

  /** Only a machine writes; afterwards the volume is attached to nothing again. */
  async write(VolumeId: string, ...blocks: number[]): Promise<void> {
    const link = { InstanceId: this.writer, VolumeId };
    await until(async () => (await this.volume(VolumeId))?.State === 'available');
    await this.ec2.send(new AttachVolumeCommand({ ...link, Device: '/dev/sdz' }));
    await until(async () => (await this.volume(VolumeId))?.Attachments?.[0]?.State === 'attached');
    await this.migrations.blocks.write(VolumeId, ...blocks);
    await this.ec2.send(new DetachVolumeCommand(link));
    await until(async () => (await this.volume(VolumeId))?.State === 'available');
  }

  async volume(id = ''): Promise<Volume | undefined> {
    return (await this.migrations.volumes({ Name: 'volume-id', Values: [id] }))[0];
  }

  /** All that a move leaves: new volumes, marks on the old one, and snapshots. */
  async leftBy(volumeId: string) {
    const made = await this.migrations.volumes({ Name: 'tag:holdfast:replaces', Values: [volumeId] });
    const marks = Object.keys(tagsOf((await this.volume(volumeId)) ?? {})).filter((key) =>
      key.startsWith('holdfast:'),
    );
    return { made: made.length, marks, snapshots: (await this.snapshotsOf(volumeId)).length };
  }

  async snapshotsOf(volumeId: string): Promise<Snapshot[]> {
    const { Snapshots = [] } = await this.ec2.send(new DescribeSnapshotsCommand({ OwnerIds: ['self'] }));
    return Snapshots.filter(
      (each) => each.VolumeId === volumeId || tagsOf(each)['holdfast:source-volume'] === volumeId,
    );
  }

  /** @returns the machine that it is attached to now */
  async attach(VolumeId: string): Promise<string> {
    const { instanceId } = await anInstance(this.migrations.world.home, { data: [] });
    await this.ec2.send(new AttachVolumeCommand({ InstanceId: instanceId, VolumeId, Device: '/dev/sdz' }));
    return instanceId;
  }

  reset(): void {
    this.migrations.reset();
  }

  close(): Promise<void> {
    return this.migrations.close();
  }
}

/** What may not differ but for the encryption. */
export const attributes = (of: Volume | undefined) => ({
  type: of?.VolumeType,
  size: of?.Size,
  iops: of?.Iops,
  throughput: of?.Throughput,
  zone: of?.AvailabilityZone,
  multiAttach: of?.MultiAttachEnabled,
  tags: Object.entries(tagsOf(of ?? {}))
    .filter(([key]) => !key.startsWith('holdfast:'))
    .sort(),
});
