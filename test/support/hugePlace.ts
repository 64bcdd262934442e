import type { Client, ScheduleDescription } from '@temporalio/client';
import { EC2Client, type Snapshot } from '@aws-sdk/client-ec2';
import type { AwsClients } from '../../src/aws/clients';
import { instrument } from '../../src/aws/instrument';
import { ownDescription } from '../../src/model/names';
import { recoveryPointTags } from '../../src/model/points/recoveryPoint';
import type { Target } from '../../src/model/target';
import type { Waits } from '../../src/activities/support/pace/waits';

const DAY_MS = 86_400_000;
const POINTS_A_SOURCE = 4;

interface Query {
  MaxResults?: number;
  NextToken?: string;
  Filters?: { Name?: string; Values?: string[] }[];
}

/**
 * EC2 of a place with so many completed, locked snapshots of Holdfast's that none of them fits into a page with the others: the local AWS would
 * take hours to make them.
 */
export function hugePlace(aws: AwsClients, count: number, now: number): AwsClients {
  const clients = new Map<string, EC2Client>();
  const snapshots = Array.from({ length: count }, (_, index) => aSnapshot(index, now));
  const client = (target: Target) => {
    const made = clients.get(target.region) ?? answering(target, snapshots);
    clients.set(target.region, made);
    return made;
  };
  return Object.assign(Object.create(aws) as AwsClients, { ec2: client });
}

function aSnapshot(index: number, now: number): Snapshot {
  const id = String(index).padStart(17, '0');
  const source = String(Math.floor(index / POINTS_A_SOURCE)).padStart(17, '0');
  const takenAt = now - (1 + (index % POINTS_A_SOURCE)) * DAY_MS;
  const volumeId = `vol-${source}`;
  const tags = recoveryPointTags(
    {
      ...{ policyName: 'huge', recoveryPointId: `rp-${id}`, slotMs: takenAt, takenAt },
      ...{ expiresAt: now + 400 * DAY_MS, retention: { keep: '400d' }, timezone: 'UTC' },
      archive: { after: '200d', every: 'month', dailyChange: 0.05 },
      ...{ sourceInstance: `i-${source}`, minKeep: 3, rpoMs: DAY_MS },
      volumes: {
        [volumeId]: {
          ...{ device: '/dev/xvda', type: 'gp3', size: 8, root: true, zone: 'us-east-1a' },
          ...{ deleteOnTermination: true, multiAttach: false },
        },
      },
      ...{ workflowId: 'backup/huge', runId: 'run' },
    },
    {},
  );
  return {
    SnapshotId: `snap-${id}`,
    VolumeId: volumeId,
    Description: ownDescription(`rp-${id}`),
    State: 'completed',
    StartTime: new Date(takenAt),
    Tags: Object.entries(tags).map(([Key, Value]) => ({ Key, Value })),
  };
}

/** A client that goes the way of every other, as far as the wire. */
function answering(target: Target, snapshots: Snapshot[]): EC2Client {
  const credentials = { accessKeyId: 'none', secretAccessKey: 'none' };
  const ec2 = new EC2Client({ region: target.region, credentials });
  ec2.middlewareStack.add(
    (_, { commandName = '' }) =>
      (args) =>
        Promise.resolve({
          output: answerTo(commandName, args.input as Query, snapshots),
          response: {},
        } as never),
    { step: 'initialize', name: 'huge', priority: 'low' },
  );
  return instrument(ec2, { service: 'ec2', target, as: 'the test' }, {});
}

function answerTo(command: string, query: Query, snapshots: readonly Snapshot[]): object {
  const $metadata = {};
  const { Filters = [], MaxResults = 1000, NextToken = '0' } = query;
  const asks = (name: string, value: string) =>
    Filters.some(({ Name, Values = [] }) => Name === name && Values.includes(value));
  const start = Number(NextToken);
  const page = snapshots.slice(start, start + MaxResults);
  const next = start + MaxResults < snapshots.length ? { NextToken: String(start + MaxResults) } : {};
  if (command === 'DescribeSnapshotsCommand')
    return asks('tag-key', 'holdfast:recovery-point')
      ? { $metadata, Snapshots: page, ...next }
      : { $metadata, Snapshots: [] };
  if (command === 'DescribeLockedSnapshotsCommand')
    return {
      ...{ $metadata, ...next },
      Snapshots: page.map(({ SnapshotId }) => ({ SnapshotId, LockState: 'compliance' })),
    };
  if (command === 'DescribeSnapshotTierStatusCommand')
    return {
      ...{ $metadata, ...next },
      SnapshotTierStatuses: page.map(({ SnapshotId }) => ({ SnapshotId })),
    };
  if (command === 'DescribeInstancesCommand') {
    const State = { Name: 'running', Code: 16 };
    const ids = Filters.flatMap(({ Name, Values = [] }) => (Name === 'instance-id' ? Values : []));
    return { $metadata, Reservations: [{ Instances: ids.map((InstanceId) => ({ InstanceId, State })) }] };
  }
  return { $metadata };
}

/** A Temporal with so many policies, each of whose Schedules takes a tenth of a second to describe. */
export function manyPolicies(temporal: Client, count: number, waits: Pick<Waits, 'rest'>): Client {
  const named = (index: number) => `policy/policy-${index}`;
  const workflowService = {
    async listSchedules({ nextPageToken: token }: { nextPageToken?: Uint8Array }) {
      await waits.rest(100);
      const from = token ? Number(Buffer.from(token).toString()) : 0;
      const schedules = Array.from({ length: Math.min(100, count - from) }, (_, index) => ({
        scheduleId: named(from + index),
      }));
      return { schedules, ...(from + 100 < count && { nextPageToken: Buffer.from(String(from + 100)) }) };
    },
  };
  const schedule = {
    getHandle: (scheduleId: string) => ({
      async describe() {
        await waits.rest(100);
        return {
          scheduleId,
          state: { paused: false },
          action: action(scheduleId),
        } as unknown as ScheduleDescription;
      },
    }),
  };
  return Object.create(temporal, {
    schedule: { value: schedule },
    workflowService: { value: workflowService },
  }) as Client;
}

function action(scheduleId: string): object {
  const policyName = scheduleId.replace('policy/', '');
  const policy = { policyName, hash: 'none', rpoMs: DAY_MS, selector: {}, targets: [], copies: [] };
  return { type: 'startWorkflow', args: [policy] };
}
