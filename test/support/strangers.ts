import {
  CopySnapshotCommand,
  CreateSnapshotCommand,
  CreateVolumeCommand,
  DescribeSnapshotsCommand,
  DescribeVolumesCommand,
  type Snapshot,
  type Tag,
  type Volume,
} from '@aws-sdk/client-ec2';
import { HOME_REGION, type TestAccount } from './accounts';
import { completed, tagsOf } from './seed';

type Resource = 'snapshot' | 'volume';

/**
 * What somebody else makes of whatever carries Holdfast's marks: copies with all of the tags, and the description. AWS Backup
 * does so by an option, and people by scripts. None of them may be touched.
 */
export class Strangers {
  private readonly made = new Map<string, Record<string, string>>();
  /** What was there before them: each test would copy all that those before it have left, and the next one those copies. */
  private readonly before = new Set<string>();

  private constructor(private readonly account: TestAccount) {}

  /** Of an account, for what is made or marked in it from now on. */
  static async of(account: TestAccount): Promise<Strangers> {
    const strangers = new Strangers(account);
    const volumes = (await strangers.volumes()).filter(({ Tags }) => isMarked({ Tags }));
    for (const { VolumeId = '' } of volumes) strangers.before.add(VolumeId);
    for (const { SnapshotId = '' } of await strangers.snapshots()) strangers.before.add(SnapshotId);
    return strangers;
  }

  get ids(): string[] {
    return [...this.made.keys()];
  }

  /** Copies every volume and every completed snapshot that is marked now, and is no stranger's. */
  async copyAll(): Promise<void> {
    const volumes = (await this.volumes()).filter((each) => this.isToCopy(each, each.VolumeId));
    await Promise.all(volumes.map((each) => this.restored(each)));
    const snapshots = (await this.snapshots()).filter((each) => this.isToCopy(each, each.SnapshotId));
    const complete = snapshots.filter(({ State }) => State === 'completed');
    await Promise.all(complete.map((each) => this.copied(each)));
  }

  /** A volume from a snapshot of it, which has all of its tags as well. */
  async restored(volume: Volume): Promise<string> {
    const ec2 = this.account.ec2();
    const { SnapshotId } = await ec2.send(
      new CreateSnapshotCommand({
        VolumeId: volume.VolumeId,
        TagSpecifications: [tagged('snapshot', volume.Tags)],
      }),
    );
    this.made.set(SnapshotId ?? '', tagsOf(volume));
    await completed(this.account, SnapshotId);
    const { VolumeId } = await ec2.send(
      new CreateVolumeCommand({
        SnapshotId,
        AvailabilityZone: volume.AvailabilityZone,
        TagSpecifications: [tagged('volume', volume.Tags)],
      }),
    );
    this.made.set(VolumeId ?? '', tagsOf(volume));
    return VolumeId ?? '';
  }

  async copied({ SnapshotId, Description, Tags, Encrypted, KmsKeyId }: Snapshot): Promise<void> {
    const { SnapshotId: copyId } = await this.account.ec2().send(
      new CopySnapshotCommand({
        SourceRegion: HOME_REGION,
        SourceSnapshotId: SnapshotId,
        Description,
        ...(Encrypted && { Encrypted, KmsKeyId }),
        TagSpecifications: [tagged('snapshot', Tags)],
      }),
    );
    this.made.set(copyId ?? '', tagsOf({ Tags }));
  }

  /** Of what strangers have made: what is not there any more, or was changed. */
  async harmed(): Promise<string[]> {
    const [volumes, snapshots] = [await this.volumes(), await this.snapshots()];
    const now = new Map<string | undefined, { tags: Record<string, string>; attached: boolean }>([
      ...volumes.map((each) => [each.VolumeId, stateOf(each)] as const),
      ...snapshots.map((each) => [each.SnapshotId, stateOf(each)] as const),
    ]);
    return [...this.made].flatMap(([id, tags]) => {
      const is = now.get(id);
      if (!is) return `${id} is gone`;
      if (is.attached) return `${id} is attached`;
      return JSON.stringify(sorted(is.tags)) === JSON.stringify(sorted(tags))
        ? []
        : `${id} has other tags: ${JSON.stringify(is.tags)}`;
    });
  }

  private isToCopy(resource: { Tags?: Tag[] }, id = ''): boolean {
    return !this.made.has(id) && !this.before.has(id) && isMarked(resource);
  }

  private async volumes(): Promise<Volume[]> {
    return (await this.account.ec2().send(new DescribeVolumesCommand({}))).Volumes ?? [];
  }

  private async snapshots(): Promise<Snapshot[]> {
    return (
      (await this.account.ec2().send(new DescribeSnapshotsCommand({ OwnerIds: ['self'] }))).Snapshots ?? []
    );
  }
}

function isMarked(resource: { Tags?: Tag[] }): boolean {
  return Object.keys(tagsOf(resource)).some((key) => key.startsWith('holdfast:'));
}

function stateOf(resource: Volume | Snapshot) {
  const attachments = 'Attachments' in resource ? (resource.Attachments ?? []) : [];
  return { tags: tagsOf(resource), attached: attachments.length > 0 };
}

function tagged(ResourceType: Resource, tags: Tag[] = []) {
  return { ResourceType, Tags: tags.filter(({ Key = '' }) => !Key.startsWith('aws:')) };
}

function sorted(tags: Record<string, string>): [string, string][] {
  return Object.entries(tags).sort(([a], [b]) => a.localeCompare(b));
}
