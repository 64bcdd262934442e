import { EC2Client, type Snapshot } from '@aws-sdk/client-ec2';
import { ApplicationFailure } from '@temporalio/common';
import { deleteSnapshot, snapshotsById } from '../../../src/activities/points/recoveryPoints';
import {
  keyOf,
  knownImages,
  knownInstances,
  knownSnapshots,
  knownVolumes,
  told,
  withId,
} from '../../../src/activities/support/known';
import { findVolumes, instancesById, volumesById } from '../../../src/activities/support/reads';
import { readAll, readInstance, readSnapshot, readVolume } from '../../../src/activities/support/sharedReads';
import { unlessGone } from '../../../src/activities/support/unlessGone';

const SNAPSHOT: Snapshot = {
  SnapshotId: 'snap-1',
  State: 'completed',
  VolumeId: 'vol-1',
  StartTime: new Date(0),
};
const VOLUME = {
  VolumeId: 'vol-1',
  State: 'available' as const,
  AvailabilityZone: 'us-east-1a',
  VolumeType: 'gp3' as const,
  Size: 8,
  CreateTime: new Date(0),
};
const INSTANCE = { InstanceId: 'i-1', State: { Name: 'running' as const } };

/** AWS as it must not be: it answers every call with this. */
const answering = (answer: object) => clientThat(() => Promise.resolve(answer));

function clientThat(send: (command: { input: unknown }) => Promise<unknown>): EC2Client {
  return Object.assign(new EC2Client({ region: 'us-east-1' }), { send });
}

async function refusal(asked: () => unknown): Promise<ApplicationFailure> {
  try {
    await asked();
  } catch (error) {
    if (error instanceof ApplicationFailure) return error;
    throw error;
  }
  throw new Error('it was not refused');
}

async function listed<Item>(items: AsyncIterable<Item>): Promise<Item[]> {
  const all: Item[] = [];
  for await (const item of items) all.push(item);
  return all;
}

describe('what AWS leaves out of an answer', () => {
  it('drops from a list what has no id', () => {
    const { SnapshotId: _, ...nameless } = SNAPSHOT;
    expect(knownSnapshots([nameless, { ...SNAPSHOT, SnapshotId: '' }, SNAPSHOT])).toEqual([SNAPSHOT]);
    expect(knownVolumes([{ State: 'available' }, VOLUME])).toEqual([VOLUME]);
    expect(knownInstances([{ Instances: [{}, INSTANCE] }, {}])).toEqual([INSTANCE]);
    expect(knownImages([{ State: 'available' }])).toEqual([]);
    expect(withId([{ Key: undefined }, { Key: 'a' }], 'Key')).toEqual([{ Key: 'a' }]);
    expect([knownSnapshots(undefined), knownInstances(undefined)]).toEqual([[], []]);
  });

  it.each([
    ['a snapshot', () => knownSnapshots([{ SnapshotId: 'snap-1', VolumeId: 'vol-1' }]), 'State, StartTime'],
    ['a volume', () => knownVolumes([{ ...VOLUME, State: undefined }]), 'State'],
    ['an image', () => knownImages([{ ImageId: 'ami-1' }]), 'State'],
    ['a machine', () => knownInstances([{ Instances: [{ InstanceId: 'i-1' }] }]), 'State'],
    ['a state', () => knownInstances([{ Instances: [{ InstanceId: 'i-1', State: {} }] }]), 'Name'],
    ['an encrypted volume', () => keyOf({ Encrypted: true }, 'vol-1'), 'KmsKeyId'],
    ['a call', () => told({ SnapshotId: '' }, 'CreateSnapshot of vol-1', 'SnapshotId'), 'SnapshotId'],
    [
      'no answer',
      () => told<Snapshot, 'SnapshotId'>(undefined, 'CreateSnapshot', 'SnapshotId'),
      'SnapshotId',
    ],
  ])('is named when %s lacks it, and asked for again', async (_, ask, fields) => {
    const { type, nonRetryable, message } = await refusal(ask);
    expect({ type, nonRetryable }).toEqual({ type: 'ServiceError', nonRetryable: false });
    expect(message).toMatch(new RegExp(`^AWS answered .+ without ${fields};`));
  });

  it('never makes one gone that was asked for by its id', async () => {
    const nameless = answering({
      Volumes: [{ State: 'available' }],
      Snapshots: [{ State: 'completed' }],
      Reservations: [{ Instances: [{ State: { Name: 'running' } }] }],
    });
    const asks = [
      () => readVolume(nameless, 'vol-1'),
      () => readSnapshot(nameless, 'snap-1'),
      () => readInstance(nameless, 'i-1'),
      () => snapshotsById(nameless, ['snap-1']),
      () => findVolumes(nameless, [], ['vol-1']),
    ];
    for (const ask of asks) expect((await refusal(ask)).message).toContain('without an id');
  });

  it('never makes one fine, either, and refuses nobody else’s', async () => {
    const stateless = answering({
      Volumes: [{ VolumeId: 'vol-0' }, VOLUME],
      Reservations: [{ Instances: [{ InstanceId: 'i-0' }, INSTANCE] }],
    });
    const [none, one] = await Promise.allSettled([
      readVolume(stateless, 'vol-0'),
      readVolume(stateless, 'vol-1'),
    ]);
    expect(none.status).toBe('rejected');
    expect(one).toEqual({ status: 'fulfilled', value: VOLUME });
    expect((await refusal(() => readInstance(stateless, 'i-0'))).message).toContain('i-0 without State');
    expect(await readAll(['i-1', 'i-2'], (id) => readInstance(stateless, id))).toEqual([INSTANCE]);
  });

  it('reaches no delete: only what has its id can be handed on', async () => {
    const deleted: unknown[] = [];
    const ec2 = clientThat(({ input }) => Promise.resolve(deleted.push(input)));
    for (const { SnapshotId } of knownSnapshots([{ State: 'completed' }, SNAPSHOT]))
      await deleteSnapshot(ec2, SnapshotId);
    expect(deleted).toEqual([{ SnapshotId: 'snap-1' }]);
  });
});

describe('what is gone', () => {
  const failing = (name: string) => Promise.reject(Object.assign(new Error(name), { name }));

  it.each(['InvalidSnapshot.NotFound', 'InvalidAMIID.Unavailable', 'NotFoundException'])(
    'is done where AWS says %s',
    async (name) => expect(await unlessGone(failing(name))).toBeUndefined(),
  );

  it.each(['UnauthorizedOperation', 'InvalidSnapshot.InUse', 'RequestLimitExceeded'])(
    'is nothing that AWS says %s of',
    async (name) => expect(unlessGone(failing(name))).rejects.toThrow(name),
  );
});

describe('reads by id', () => {
  it('take as many ids at a time as a filter does', async () => {
    const asked: number[] = [];
    const ec2 = clientThat(({ input }) => {
      const { Filters: [ids] = [] } = input as { Filters?: { Values: string[] }[] };
      asked.push(ids?.Values.length ?? 0);
      return Promise.resolve({});
    });
    const ids = Array.from({ length: 450 }, (_, index) => `id-${index}`);
    for (const read of [instancesById, volumesById])
      expect(await listed<unknown>(read(ec2, ids))).toEqual([]);
    expect(asked).toEqual([200, 200, 50, 200, 200, 50]);
  });
});
