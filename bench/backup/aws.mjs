// A local AWS of a benchmark's own, with a fleet on it.
import {
  EC2Client,
  DescribeSnapshotsCommand,
  RegisterImageCommand,
  RunInstancesCommand,
} from '@aws-sdk/client-ec2';
import { SERVERS, startServer } from '../servers.mjs';

const DEVICES = ['/dev/xvda', '/dev/sdf', '/dev/sdg', '/dev/sdh'];
export const GIB = 8;
const AT_ONCE = 250;
const TAGS = [{ Key: 'policy', Value: 'bench' }];
export const HOME = 'us-east-1';

/** Credentials and endpoint, as every AWS client takes them. */
export function environment(endpoint) {
  return {
    AWS_ENDPOINT_URL: endpoint,
    AWS_REGION: HOME,
    AWS_DEFAULT_REGION: HOME,
    AWS_ACCESS_KEY_ID: 'bench',
    AWS_SECRET_ACCESS_KEY: 'bench',
    AWS_EC2_METADATA_DISABLED: 'true',
    AWS_CONFIG_FILE: '/dev/null',
    AWS_SHARED_CREDENTIALS_FILE: '/dev/null',
  };
}

export class BenchAws {
  static async start() {
    return new BenchAws(await startServer(SERVERS['local AWS']));
  }

  constructor(server) {
    this.endpoint = server.endpoint;
    this.stop = server.stop;
  }

  ec2(region = HOME) {
    const credentials = { accessKeyId: 'bench', secretAccessKey: 'bench' };
    return new EC2Client({ region, endpoint: this.endpoint, credentials });
  }

  /** Instances with as many volumes of the same size each; nothing takes any time meanwhile. */
  async fill({ instances, volumesEach, region = HOME }) {
    const ec2 = this.ec2(region);
    const Ebs = { VolumeSize: GIB, VolumeType: 'gp3' };
    const { ImageId } = await ec2.send(
      new RegisterImageCommand({
        Name: `bench-${region}`,
        RootDeviceName: '/dev/xvda',
        BlockDeviceMappings: [{ DeviceName: '/dev/xvda', Ebs }],
      }),
    );
    for (let left = instances; left > 0; left -= AT_ONCE) {
      const count = Math.min(left, AT_ONCE);
      await ec2.send(
        new RunInstancesCommand({
          ImageId,
          InstanceType: 't3.micro',
          MinCount: count,
          MaxCount: count,
          BlockDeviceMappings: DEVICES.slice(0, volumesEach).map((DeviceName) => ({ DeviceName, Ebs })),
          TagSpecifications: [{ ResourceType: 'instance', Tags: TAGS }],
        }),
      );
    }
  }

  /** From now on AWS takes its time, so many seconds in one of ours, and has its limits. Counting starts anew. */
  async live(speed) {
    await this.control('POST', 'clock', { speed });
    await this.control('POST', 'limits', { on: true });
    await this.control('DELETE', 'calls');
  }

  async now() {
    const { now } = await this.control('GET', 'clock');
    return Date.parse(now);
  }

  /** EC2 calls since counting started, by action, and how many of them were throttled. */
  async calls() {
    const counts = (await this.control('GET', 'calls')).filter(({ service }) => service === 'ec2');
    const sum = (field) => counts.reduce((total, each) => total + each[field], 0);
    const byAction = {};
    for (const { action, calls } of counts) byAction[action] = (byAction[action] ?? 0) + calls;
    return { total: sum('calls'), throttled: sum('throttles'), byAction };
  }

  /** Snapshots there are, volumes that have one, and snapshots too many. */
  async snapshots(region = HOME) {
    await this.control('POST', 'limits', { on: false });
    await this.control('POST', 'lag', { seconds: 0 });
    const perVolume = new Map();
    let NextToken;
    do {
      const page = await this.ec2(region).send(
        new DescribeSnapshotsCommand({ OwnerIds: ['self'], MaxResults: 1000, NextToken }),
      );
      for (const { VolumeId } of page.Snapshots ?? [])
        perVolume.set(VolumeId, (perVolume.get(VolumeId) ?? 0) + 1);
      NextToken = page.NextToken;
    } while (NextToken);
    const all = [...perVolume.values()].reduce((sum, count) => sum + count, 0);
    return { all, volumes: perVolume.size, tooMany: all - perVolume.size };
  }

  async control(method, path, body) {
    const answer = await fetch(`${this.endpoint}/_local/${path}`, {
      method,
      ...(body && { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } }),
    });
    if (!answer.ok) throw new Error(`${method} ${path}: ${await answer.text()}`);
    return answer.json();
  }
}
