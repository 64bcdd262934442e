// Machines that write until they stop, and what is known of them before and after.
import {
  DescribeInstancesCommand,
  DescribeInstanceStatusCommand,
  DescribeVolumesCommand,
  RegisterImageCommand,
  RunInstancesCommand,
} from '@aws-sdk/client-ec2';
import { CreateAliasCommand, CreateKeyCommand, KMSClient } from '@aws-sdk/client-kms';
import { setTimeout as sleep } from 'node:timers/promises';
import { HOME } from '../backup/aws.mjs';

const DEVICES = ['/dev/xvda', '/dev/sdf'];
export const KEY = 'alias/bench';
const ACCOUNT = '123456789012';
const LOOK_MS = 50;
const WRITE_MS = 100;

export class Machines {
  /** One machine for each list of volume sizes in GiB; nothing takes any time meanwhile. */
  static async start(aws, sizes) {
    const credentials = { accessKeyId: 'bench', secretAccessKey: 'bench' };
    const kms = new KMSClient({ region: HOME, endpoint: aws.endpoint, credentials });
    const { KeyMetadata } = await kms.send(new CreateKeyCommand({}));
    await kms.send(new CreateAliasCommand({ AliasName: KEY, TargetKeyId: KeyMetadata.KeyId }));
    const ec2 = aws.ec2();
    const { ImageId } = await ec2.send(
      new RegisterImageCommand({
        Name: 'bench',
        RootDeviceName: DEVICES[0],
        BlockDeviceMappings: [{ DeviceName: DEVICES[0], Ebs: { VolumeSize: 8, VolumeType: 'gp3' } }],
      }),
    );
    const ids = [];
    for (const own of sizes) {
      const { Instances } = await ec2.send(
        new RunInstancesCommand({
          ImageId,
          InstanceType: 't3.micro',
          MinCount: 1,
          MaxCount: 1,
          NetworkInterfaces: [{ DeviceIndex: 0, AssociatePublicIpAddress: false }],
          BlockDeviceMappings: own.map((VolumeSize, index) => ({
            DeviceName: DEVICES[index],
            Ebs: {
              VolumeSize,
              VolumeType: 'gp3',
              Iops: 4000,
              Throughput: 250,
              DeleteOnTermination: index === 0,
            },
          })),
          TagSpecifications: [{ ResourceType: 'volume', Tags: [{ Key: 'team', Value: 'bench' }] }],
        }),
      );
      ids.push(Instances[0].InstanceId);
    }
    const machines = new Machines(aws, ec2, ids, kms);
    machines.before = await machines.disks();
    return machines;
  }

  constructor(aws, ec2, ids, kms) {
    Object.assign(this, { aws, ec2, ids, kms, looks: 0, written: new Map() });
    this.times = new Map(ids.map((id) => [id, {}]));
  }

  /** From now on they write, and are looked at. */
  async live(speed) {
    await this.aws.live(speed);
    this.speed = speed;
    this.beganAt = Date.now();
    this.watching = this.watch();
    this.writing = [...this.before.values()].map((disk) => this.write(disk.volumeId));
  }

  /** Seconds of AWS time. */
  get now() {
    return ((Date.now() - this.beganAt) / 1000) * this.speed;
  }

  /** Which machines are down since when, until both their checks have passed. */
  async watch() {
    while (!this.over) {
      const at = this.now;
      this.looks += 1;
      const { InstanceStatuses } = await this.ec2.send(
        new DescribeInstanceStatusCommand({ InstanceIds: this.ids, IncludeAllInstances: true }),
      );
      for (const { InstanceId, InstanceState, InstanceStatus, SystemStatus } of InstanceStatuses) {
        const times = this.times.get(InstanceId);
        const healthy = InstanceStatus.Status === 'ok' && SystemStatus.Status === 'ok';
        if (InstanceState.Name !== 'running') times.down ??= at;
        else if (times.down !== undefined && healthy) times.up ??= at;
      }
      await sleep(LOOK_MS);
    }
  }

  /** Block after block, as a program on the machine, until nobody can write any more. */
  async write(volumeId) {
    for (let block = 0; ; block = (block + 1) % 64) {
      try {
        const asked = { accountId: ACCOUNT, region: HOME, volumeId, blocks: [block] };
        const { digest } = await this.aws.control('POST', 'blocks', asked);
        this.written.set(volumeId, digest);
      } catch {
        return;
      }
      await sleep(WRITE_MS);
    }
  }

  /** Until every machine is up again; those that are not by then stay down. */
  async upAgain(atMostSeconds) {
    const until = this.now + atMostSeconds;
    while (this.now < until && [...this.times.values()].some(({ up }) => up === undefined))
      await sleep(LOOK_MS);
  }

  /** What came of it. */
  async end() {
    const { total, byAction } = await this.aws.calls();
    this.over = true;
    await this.watching;
    await Promise.all(this.writing);
    const after = await this.disks();
    const changed = [...this.before].filter(
      ([place, { attributes }]) => after.get(place)?.attributes !== attributes,
    );
    let lost = 0;
    for (const [place, { volumeId }] of this.before)
      if ((await this.digest(after.get(place)?.volumeId)) !== this.written.get(volumeId)) lost += 1;
    byAction.DescribeInstanceStatus -= this.looks;
    return {
      downtimes: this.ids.map((id) => this.times.get(id).up - this.times.get(id).down),
      callsPerVolume: (total - this.looks) / this.before.size,
      byAction,
      unencrypted: [...after.values()].filter(({ encrypted }) => !encrypted).length,
      changed: changed.length,
      lost,
      volumes: this.before.size,
    };
  }

  async digest(volumeId) {
    if (!volumeId) return undefined;
    const query = `accountId=${ACCOUNT}&region=${HOME}&volumeId=${volumeId}`;
    return (await this.aws.control('GET', `digest?${query}`)).digest;
  }

  /** By machine and device. */
  async disks() {
    const { Reservations } = await this.ec2.send(new DescribeInstancesCommand({ InstanceIds: this.ids }));
    const { Volumes } = await this.ec2.send(new DescribeVolumesCommand({}));
    const disks = new Map();
    for (const { InstanceId, BlockDeviceMappings } of Reservations.flatMap(({ Instances }) => Instances))
      for (const { DeviceName, Ebs } of BlockDeviceMappings) {
        const volume = Volumes.find(({ VolumeId }) => VolumeId === Ebs.VolumeId);
        const { VolumeType, Size, Iops, Throughput, Tags = [], Encrypted } = volume;
        const tags = Tags.filter(({ Key }) => !/^(holdfast:|maid-)/.test(Key));
        disks.set(`${InstanceId} ${DeviceName}`, {
          volumeId: Ebs.VolumeId,
          encrypted: Encrypted,
          attributes: JSON.stringify([VolumeType, Size, Iops, Throughput, tags, Ebs.DeleteOnTermination]),
        });
      }
    return disks;
  }
}
