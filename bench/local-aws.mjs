// The local AWS with a big account, and plain moto beside it in the same run.
import { performance } from 'node:perf_hooks';
import {
  CreateSnapshotCommand,
  CreateSnapshotsCommand,
  CreateVolumeCommand,
  AttachVolumeCommand,
  DescribeInstancesCommand,
  DescribeSnapshotsCommand,
  DescribeVolumesCommand,
  EC2Client,
  RegisterImageCommand,
  RunInstancesCommand,
} from '@aws-sdk/client-ec2';
import { memoryOf, SERVERS, startServer } from './servers.mjs';

const PRESENT = {
  'local AWS': Number(process.env.BENCH_PRESENT ?? 10_000),
  // Its fill is quadratic: 10,000 take more than a quarter of an hour.
  'plain moto': Number(process.env.BENCH_PLAIN_PRESENT ?? 2_000),
};
const AT_ONCE = 8;
const PAGES = 20;
const SETS = 50;
const FLEET_PAGES = 3;
/** The filter values, and ids, of one call. */
const A_CALL = 200;

export async function measure() {
  const results = {};
  for (const [name, command] of Object.entries(SERVERS)) {
    const server = await startServer(command);
    results[name] = await measured(server, PRESENT[name]);
    server.stop();
    console.log(`${name}, with ${PRESENT[name]} volumes and snapshots present`);
    for (const [what, value] of Object.entries(results[name]))
      console.log(`  ${what.padEnd(50)} ${value.toFixed(1).padStart(8)}`);
  }
  report(results);
}

async function measured({ endpoint, pid }, present) {
  const credentials = { accessKeyId: 'bench', secretAccessKey: 'bench' };
  const ec2 = new EC2Client({ region: 'us-east-1', endpoint, credentials });
  const fill = await seconds(() => fillAccount(ec2, present));
  const page = await seconds(async () => {
    for (let i = 0; i < PAGES; i++) await describePage(ec2, `group-${i}`, present);
  });
  const imageId = await anImage(ec2);
  const instanceId = await anInstance(ec2, imageId);
  const sets = await seconds(async () => {
    for (let i = 0; i < SETS; i++)
      await ec2.send(new CreateSnapshotsCommand({ InstanceSpecification: { InstanceId: instanceId } }));
  });
  return {
    'a volume and its snapshot made, ms': (fill / present) * 1000,
    'a page of a tag-filtered DescribeSnapshots, ms': (page / PAGES) * 1000,
    'CreateSnapshots of 4 volumes, a second': SETS / sets,
    ...(await fleetPages(ec2, imageId, present)),
    'memory, MiB': memoryOf(pid),
  };
}

/** A quarter of as many instances of one reservation, and the pages of them and of their volumes that a backup asks for. */
async function fleetPages(ec2, imageId, present) {
  const { Instances } = await ec2.send(
    new RunInstancesCommand({
      ImageId: imageId,
      InstanceType: 't3.micro',
      MinCount: present / 4,
      MaxCount: present / 4,
    }),
  );
  const instances = Instances.map(({ InstanceId }) => InstanceId);
  const some = instances.filter((_, i) => i % Math.ceil(instances.length / A_CALL) === 0).slice(0, A_CALL);
  const Filters = [{ Name: 'attachment.instance-id', Values: some }];
  const { Volumes } = await ec2.send(new DescribeVolumesCommand({ Filters, MaxResults: A_CALL }));
  const VolumeIds = Volumes.map(({ VolumeId }) => VolumeId);
  const cases = {
    'a page of 100 of DescribeInstances, ms': new DescribeInstancesCommand({ MaxResults: 100 }),
    '200 instances by id, ms': new DescribeInstancesCommand({ InstanceIds: some }),
    'a page of volumes by 200 instance ids, ms': new DescribeVolumesCommand({ Filters, MaxResults: 500 }),
    '200 volumes by id, ms': new DescribeVolumesCommand({ VolumeIds }),
  };
  const measured = {};
  for (const [what, command] of Object.entries(cases)) {
    await ec2.send(command);
    const taken = await seconds(async () => {
      for (let i = 0; i < FLEET_PAGES; i++) await ec2.send(command);
    });
    measured[what] = (taken / FLEET_PAGES) * 1000;
  }
  return measured;
}

async function fillAccount(ec2, present) {
  let next = 0;
  const one = async () => {
    for (let i = next++; i < present; i = next++) {
      const Tags = [{ Key: 'group', Value: `group-${i % 100}` }];
      const { VolumeId } = await ec2.send(
        new CreateVolumeCommand({ AvailabilityZone: 'us-east-1a', Size: 8, VolumeType: 'gp3' }),
      );
      const TagSpecifications = [{ ResourceType: 'snapshot', Tags }];
      await ec2.send(new CreateSnapshotCommand({ VolumeId, TagSpecifications }));
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, one));
}

async function describePage(ec2, group, present) {
  const Filters = [{ Name: 'tag:group', Values: [group] }];
  const { Snapshots } = await ec2.send(
    new DescribeSnapshotsCommand({ OwnerIds: ['self'], Filters, MaxResults: 100 }),
  );
  if (Snapshots.length !== Math.min(100, present / 100))
    throw new Error(`a page has ${Snapshots.length} snapshots`);
}

/** Of four devices. */
async function anImage(ec2) {
  const { ImageId } = await ec2.send(
    new RegisterImageCommand({
      Name: 'bench',
      RootDeviceName: '/dev/xvda',
      BlockDeviceMappings: ['/dev/xvda', '/dev/sdf', '/dev/sdg', '/dev/sdh'].map((DeviceName) => ({
        DeviceName,
        Ebs: { VolumeSize: 8, VolumeType: 'gp3' },
      })),
    }),
  );
  return ImageId;
}

/** Four volumes are attached by hand where an image's other devices come without: plain moto makes the root only. */
async function anInstance(ec2, ImageId) {
  const { Instances } = await ec2.send(
    new RunInstancesCommand({ ImageId, InstanceType: 't3.micro', MinCount: 1, MaxCount: 1 }),
  );
  const [{ InstanceId, Placement, BlockDeviceMappings }] = Instances;
  const there = new Set(BlockDeviceMappings.map(({ DeviceName }) => DeviceName));
  for (const Device of ['/dev/sdf', '/dev/sdg', '/dev/sdh'].filter((each) => !there.has(each))) {
    const { VolumeId } = await ec2.send(
      new CreateVolumeCommand({ AvailabilityZone: Placement.AvailabilityZone, Size: 8, VolumeType: 'gp3' }),
    );
    await ec2.send(new AttachVolumeCommand({ InstanceId, VolumeId, Device }));
  }
  return InstanceId;
}

async function seconds(body) {
  const began = performance.now();
  await body();
  return (performance.now() - began) / 1000;
}

function report({ 'local AWS': ours, 'plain moto': plain }) {
  console.log('the local AWS over plain moto');
  for (const [what, value] of Object.entries(ours))
    console.log(`  ${what.padEnd(50)} × ${(value / plain[what]).toFixed(2)}`);
}
