// The local AWS with a big account, and plain moto beside it in the same run.
import { performance } from 'node:perf_hooks';
import {
  CreateSnapshotCommand,
  CreateSnapshotsCommand,
  CreateVolumeCommand,
  AttachVolumeCommand,
  DescribeSnapshotsCommand,
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
  const instanceId = await fourVolumes(ec2);
  const sets = await seconds(async () => {
    for (let i = 0; i < SETS; i++)
      await ec2.send(new CreateSnapshotsCommand({ InstanceSpecification: { InstanceId: instanceId } }));
  });
  return {
    'a volume and its snapshot made, ms': (fill / present) * 1000,
    'a page of a tag-filtered DescribeSnapshots, ms': (page / PAGES) * 1000,
    'CreateSnapshots of 4 volumes, a second': SETS / sets,
    'memory, MiB': memoryOf(pid),
  };
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

async function fourVolumes(ec2) {
  const image = await ec2.send(
    new RegisterImageCommand({
      Name: 'bench',
      RootDeviceName: '/dev/xvda',
      BlockDeviceMappings: [{ DeviceName: '/dev/xvda', Ebs: { VolumeSize: 8 } }],
    }),
  );
  const { Instances } = await ec2.send(
    new RunInstancesCommand({ ImageId: image.ImageId, InstanceType: 't3.micro', MinCount: 1, MaxCount: 1 }),
  );
  const [{ InstanceId, Placement }] = Instances;
  for (const Device of ['/dev/sdf', '/dev/sdg', '/dev/sdh']) {
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
