import { randomUUID } from 'node:crypto';
import {
  DeleteSnapshotCommand,
  DeleteVolumeCommand,
  DescribeSnapshotsCommand,
  DisableEbsEncryptionByDefaultCommand,
  DescribeVolumesCommand,
  type Instance,
  type Snapshot,
  type Volume,
} from '@aws-sdk/client-ec2';
import type { WorkflowHandle } from '@temporalio/client';
import { Blocks } from '../../local/measure/blocks';
import type { EncryptVolumesResult } from '../../src/model/encryption/campaign/campaign';
import { workflowIds } from '../../src/model/ids';
import type { MessageName } from '../../src/model/messages';
import type { Strategy } from '../../src/model/moves/strategy';
import type { Target } from '../../src/model/target';
import { HOME_REGION, type TestAccount } from './accounts';
import { inPhase } from './phase';
import { aKey, anInstance, disksOf, instance, tagsOf } from './seed';
import { aWorld, type StartOptions, type World, type WorldOptions } from './world';

export const MESSAGE = { by: 'ann', reason: 'test' };
/** All that was ever written to the new volumes may go. */
export const ANY_LOSS = { acceptWriteLossSince: '2020-01-01T00:00:00Z' };

export const STRATEGIES: readonly Strategy[] = ['copy', 'direct', 'clone'];

/** For describe.each: without the cache, what a workflow keeps outside its history shows. */
export const CACHES: readonly [string, boolean][] = [
  ['with a workflow cache', true],
  ['without one', false],
];

/** What a migration of two volumes leaves until its commit: seed and final snapshots, and their copies. */
export const SNAPSHOTS: Record<Strategy, number> = { copy: 8, direct: 4, clone: 0 };

interface DiskState {
  volumeId?: string;
  encrypted?: boolean;
  key?: string;
  marks: string[];
  device?: string;
}

/** Everything about a machine that a migration must not change, and its volumes. */
export interface MachineState {
  state?: string;
  marks: string[];
  disks: DiskState[];
}

/** A world with a customer key, and what tests of migrations ask of it. */
export class MigrationWorld {
  private constructor(
    readonly world: World,
    readonly key: string,
    readonly account = world.home,
  ) {}

  static async open(options: WorldOptions = {}): Promise<MigrationWorld> {
    const world = await aWorld(options);
    return new MigrationWorld(world, await aKey(world.home));
  }

  /** In another account of the same world: with calls and faults of its own. */
  static async within(world: World, account: TestAccount): Promise<MigrationWorld> {
    return new MigrationWorld(world, await aKey(account), account);
  }

  get target(): Target {
    return { accountId: this.account.accountId, region: HOME_REGION };
  }

  get blocks(): Blocks {
    return new Blocks(this.world.proxy.upstream.origin, this.account);
  }

  /** So many running machines of two unencrypted volumes. */
  async machines(count: number): Promise<string[]> {
    const made = Array.from({ length: count }, () => anInstance(this.account));
    return (await Promise.all(made)).map(({ instanceId }) => instanceId);
  }

  /** What is on the volumes of a machine, by device. */
  async contentOf(instanceId: string): Promise<Record<string, string>> {
    const disks = Object.entries(await disksOf(this.account, instanceId));
    return Object.fromEntries(
      await Promise.all(disks.map(async ([device, id]) => [device, await this.blocks.digest(id)] as const)),
    );
  }

  /** Writes new data to every volume of a running machine. */
  async writeTo(instanceId: string): Promise<void> {
    const ids = Object.values(await disksOf(this.account, instanceId));
    await Promise.all(ids.map((id) => this.blocks.write(id, 0, 1)));
  }

  readonly encrypt = (input: object, options: StartOptions = {}): Promise<EncryptVolumesResult> =>
    this.world.run('encryptVolumes', { kmsKeyId: this.key, ...input }, options);

  readonly start = (input: object, options: StartOptions = {}): Promise<WorkflowHandle> =>
    this.world.start('encryptVolumes', { kmsKeyId: this.key, ...input }, options);

  machine(instanceId: string): WorkflowHandle {
    return this.world.client.workflow.getHandle(workflowIds.machine(this.target, instanceId));
  }

  /** The move of a volume that is attached to nothing. */
  volume(volumeId: string): WorkflowHandle {
    const target = { accountId: this.world.home.accountId, region: HOME_REGION };
    return this.world.client.workflow.getHandle(workflowIds.volume(target, volumeId));
  }

  tellVolume(volumeId: string, message: MessageName, more: object = {}): Promise<unknown> {
    return this.volume(volumeId).executeUpdate(message, { args: [{ ...MESSAGE, ...more }] });
  }

  /** The machine's newest run: the id alone stands for whichever run comes last. */
  async pinned(instanceId: string): Promise<WorkflowHandle> {
    const { workflowId } = this.machine(instanceId);
    const { runId } = await this.machine(instanceId).describe();
    return this.world.client.workflow.getHandle(workflowId, runId);
  }

  keyIn(region: string): Promise<string> {
    return aKey(this.account, region);
  }

  async deleteVolume(VolumeId: string): Promise<void> {
    await this.account.ec2().send(new DeleteVolumeCommand({ VolumeId }));
  }

  async deleteSnapshot(SnapshotId: string): Promise<void> {
    await this.account.ec2().send(new DeleteSnapshotCommand({ SnapshotId }));
  }

  tell(instanceId: string, message: MessageName, more: object = {}): Promise<unknown> {
    return this.machine(instanceId).executeUpdate(message, { args: [{ ...MESSAGE, ...more }] });
  }

  /** Holds the answer to the nth call of an action until `what` is done; resolves then. */
  meanwhile(action: string, what: () => Promise<unknown>, nth = 1): Promise<void> {
    return new Promise<void>((resolve, reject) => {
      const held = () => what().then(() => resolve(), reject);
      this.world.proxy.fault(action, { held }, nth);
    });
  }

  /** Starts a campaign; when an action has taken effect, and before its answer arrives, something happens to it. */
  async startAnd(
    input: object,
    action: string,
    act: (campaign: WorkflowHandle) => Promise<unknown>,
  ): Promise<WorkflowHandle> {
    const workflowId = `campaign-${randomUUID()}`;
    const campaign = this.world.client.workflow.getHandle(workflowId);
    const acted = this.meanwhile(action, () => act(campaign));
    await this.start(input, { workflowId });
    await acted;
    return campaign;
  }

  async stateOf(instanceId: string): Promise<MachineState> {
    const found = await instance(this.account, instanceId);
    const volumes = await this.volumes({ Name: 'attachment.instance-id', Values: [instanceId] });
    const disks = volumes.map(diskState).sort((a, b) => (a.device ?? '').localeCompare(b.device ?? ''));
    return { state: found.State?.Name, marks: marksOf(found), disks };
  }

  instance(instanceId: string): Promise<Instance> {
    return instance(this.account, instanceId);
  }

  async volumes(filter: { Name: string; Values: string[] }): Promise<Volume[]> {
    const { Volumes = [] } = await this.account.ec2().send(new DescribeVolumesCommand({ Filters: [filter] }));
    return Volumes;
  }

  /** Holdfast's snapshots of a machine. */
  async snapshots(instanceId: string): Promise<Snapshot[]> {
    const { Snapshots = [] } = await this.account
      .ec2()
      .send(new DescribeSnapshotsCommand({ OwnerIds: ['self'] }));
    return Snapshots.filter((snapshot) => tagsOf(snapshot)['holdfast:source-instance'] === instanceId);
  }

  /** What a migration has made or marked and that is still there. */
  async leftovers(instanceId: string, originals: MachineState) {
    const ids = new Set(originals.disks.map(({ volumeId }) => volumeId));
    const made = await this.volumes({ Name: 'tag-key', Values: ['holdfast:replaces'] });
    const marked = await this.volumes({ Name: 'tag-key', Values: ['holdfast:original'] });
    return {
      made: made.filter((volume) => ids.has(tagsOf(volume)['holdfast:replaces'])).length,
      marked: marked.filter(({ VolumeId }) => ids.has(VolumeId)).length,
      snapshots: (await this.snapshots(instanceId)).length,
    };
  }

  readonly phase = inPhase;

  /** For what is started next and shall not be born encrypted. */
  async encryptionByDefaultOff(): Promise<void> {
    await this.account.ec2().send(new DisableEbsEncryptionByDefaultCommand({}));
  }

  /** Forgets calls and faults. */
  reset(): void {
    this.world.proxy.reset();
  }

  close(): Promise<void> {
    return this.world.close();
  }
}

function diskState(volume: Volume) {
  const [attachment] = volume.Attachments ?? [];
  const tags = Object.entries(tagsOf(volume));
  return {
    volumeId: volume.VolumeId,
    encrypted: volume.Encrypted,
    key: volume.KmsKeyId,
    device: attachment?.Device,
    deleteOnTermination: attachment?.DeleteOnTermination,
    type: volume.VolumeType,
    size: volume.Size,
    iops: volume.Iops,
    throughput: volume.Throughput,
    userTags: Object.fromEntries(tags.filter(([name]) => !name.startsWith('holdfast:'))),
    marks: marksOf(volume),
  };
}

function marksOf(resource: Parameters<typeof tagsOf>[0]): string[] {
  return Object.keys(tagsOf(resource)).filter((name) => name.startsWith('holdfast:'));
}

/** What may not differ before and after: everything but the volumes' ids, encryption and Holdfast's marks. */
export function butEncryption({ state, disks }: MachineState) {
  return {
    state,
    disks: disks.map(({ volumeId: _v, encrypted: _e, key: _k, marks: _m, ...rest }) => rest),
  };
}
