import {
  CopySnapshotCommand,
  CreateSnapshotCommand,
  CreateTagsCommand,
  DeleteSnapshotCommand,
  DescribeSnapshotsCommand,
  RegisterImageCommand,
  type Snapshot,
} from '@aws-sdk/client-ec2';
import type { WorkflowHandle } from '@temporalio/client';
import type { MessageName } from '../../src/model/messages';
import type { EncryptSnapshotsResult } from '../../src/model/encryption/snapshots/snapshotEncryption';
import type { ProgressPage } from '../../src/model/progress';
import { HOME_REGION } from './accounts';
import { awaitResult } from './awaitResult';
import { AwsServer } from './awsServer';
import { inPhase } from './phase';
import { aKey, aVolume, completed } from './seed';
import { aWorld, type StartOptions, type World, type WorldOptions } from './world';

const MESSAGE = { by: 'ann', reason: 'checked' };

/** A world on a local AWS of its own, for faults and limits, and what tests of `encryptSnapshots` ask of it. */
export class SnapshotWorld {
  private constructor(
    readonly world: World,
    readonly aws: AwsServer,
    readonly key: string,
  ) {}

  static async open(options: WorldOptions = {}): Promise<SnapshotWorld> {
    const aws = await AwsServer.start();
    const world = await aWorld({ aws: aws.endpoint, ...options });
    return new SnapshotWorld(world, aws, await aKey(world.home));
  }

  async close(): Promise<void> {
    await this.world.close();
    this.aws.stop();
  }

  /** Forgets calls and faults. */
  async reset(): Promise<void> {
    this.world.proxy.reset();
    await this.aws.control.delete('faults');
  }

  /** The snapshots of a test are those with its name. */
  readonly named = (name: string) => ({ selector: { tags: { all: { group: name } } } });

  /** A completed snapshot that somebody else has made. */
  async aSnapshot(
    name: string,
    { tags = {}, kmsKeyId }: { tags?: Record<string, string>; kmsKeyId?: string } = {},
  ): Promise<string> {
    const Tags = tagList({ group: name, ...tags });
    const { SnapshotId } = await this.world.home.ec2().send(
      new CreateSnapshotCommand({
        VolumeId: await aVolume(this.world.home, { size: 1, kmsKeyId }),
        Description: `of ${name}`,
        TagSpecifications: [{ ResourceType: 'snapshot', Tags }],
      }),
    );
    return completed(this.world.home, SnapshotId);
  }

  async someSnapshots(name: string, count: number): Promise<string[]> {
    return Promise.all(Array.from({ length: count }, () => this.aSnapshot(name)));
  }

  async tagged(tag: string, value: string, region?: string): Promise<Snapshot[]> {
    const Filters = [{ Name: `tag:${tag}`, Values: [value] }];
    const command = new DescribeSnapshotsCommand({ OwnerIds: ['self'], Filters });
    const { Snapshots = [] } = await this.world.home.ec2(region).send(command);
    return Snapshots;
  }

  readonly snapshots = (name: string) => this.tagged('group', name);

  async ids(name: string): Promise<string[]> {
    return (await this.snapshots(name)).map(({ SnapshotId = '' }) => SnapshotId).sort();
  }

  /** Undefined when it is not there. */
  async snapshot(id: string): Promise<Snapshot | undefined> {
    const Filters = [{ Name: 'snapshot-id', Values: [id] }];
    const command = new DescribeSnapshotsCommand({ OwnerIds: ['self'], Filters });
    return (await this.world.home.ec2().send(command)).Snapshots?.[0];
  }

  /** The only copy of a snapshot that is there, by its tag. */
  async copyOf(snapshotId: string): Promise<Snapshot> {
    const [copy, ...others] = await this.tagged('holdfast:encrypted-from', snapshotId);
    if (!copy || others.length > 0)
      throw new Error(`${others.length + (copy ? 1 : 0)} copies of ${snapshotId}`);
    return copy;
  }

  /** Somebody else copies a snapshot of theirs under the key, with these words and tags. */
  async copiedBySomebody(source: string, Description: string, tags: Record<string, string>): Promise<string> {
    const { SnapshotId } = await this.world.home.ec2().send(
      new CopySnapshotCommand({
        SourceRegion: HOME_REGION,
        SourceSnapshotId: source,
        Encrypted: true,
        KmsKeyId: this.key,
        Description,
        TagSpecifications: [{ ResourceType: 'snapshot', Tags: tagList(tags) }],
      }),
    );
    return completed(this.world.home, SnapshotId);
  }

  /** Somebody else snapshots a volume of theirs, with these words and tags. */
  async snapshotBySomebody(Description: string, tags: Record<string, string>): Promise<string> {
    const VolumeId = await aVolume(this.world.home, { size: 1 });
    const TagSpecifications = [{ ResourceType: 'snapshot' as const, Tags: tagList(tags) }];
    const command = new CreateSnapshotCommand({ VolumeId, Description, TagSpecifications });
    const { SnapshotId } = await this.world.home.ec2().send(command);
    return completed(this.world.home, SnapshotId);
  }

  async tag(id: string, Key: string, Value: string): Promise<void> {
    await this.world.home.ec2().send(new CreateTagsCommand({ Resources: [id], Tags: [{ Key, Value }] }));
  }

  /** An image that is made of the snapshot. */
  async imageOf(SnapshotId: string): Promise<string> {
    const { ImageId = '' } = await this.world.home.ec2().send(
      new RegisterImageCommand({
        Name: `of-${SnapshotId}`,
        Architecture: 'x86_64',
        RootDeviceName: '/dev/xvda',
        VirtualizationType: 'hvm',
        BlockDeviceMappings: [{ DeviceName: '/dev/xvda', Ebs: { SnapshotId } }],
      }),
    );
    return ImageId;
  }

  async deleteSnapshot(SnapshotId: string): Promise<void> {
    await this.world.home.ec2().send(new DeleteSnapshotCommand({ SnapshotId }));
  }

  readonly start = (input: object, options: StartOptions = {}): Promise<WorkflowHandle> =>
    this.world.start('encryptSnapshots', { kmsKeyId: this.key, ...input }, options);

  readonly run = (input: object): Promise<EncryptSnapshotsResult> =>
    this.world.run('encryptSnapshots', { kmsKeyId: this.key, ...input });

  tell(handle: WorkflowHandle, message: MessageName, more: object = {}): Promise<unknown> {
    return handle.executeUpdate(message, { args: [{ ...MESSAGE, ...more }] });
  }

  async waiting(handle: WorkflowHandle): Promise<WorkflowHandle> {
    await inPhase(handle, 'Waiting for commit');
    return handle;
  }

  /** What a run that has not committed everything waits for. */
  async held(handle: WorkflowHandle): Promise<string> {
    await inPhase(handle, 'Needs a person');
    return (await handle.query<ProgressPage>('progress')).waitsFor ?? '';
  }

  /** A run that has made its copies. */
  async copied(input: object, options: StartOptions = {}): Promise<WorkflowHandle> {
    return this.waiting(await this.start(input, options));
  }

  async committed(input: object, options: StartOptions = {}): Promise<EncryptSnapshotsResult> {
    const handle = await this.copied(input, options);
    await this.tell(handle, 'commit');
    return awaitResult(handle);
  }
}

function tagList(tags: Record<string, string>) {
  return Object.entries(tags).map(([Key, Value]) => ({ Key, Value }));
}
