import type {
  Image,
  Instance,
  InstanceState,
  Reservation,
  Snapshot,
  Volume,
  VolumeModification,
} from '@aws-sdk/client-ec2';
import type { ApplicationFailure } from '@temporalio/common';
import { passingFailure } from '../../aws/applicationFailures';
import { FAILURE } from '../../model/failures';

/**
 * The AWS SDK declares every field of every answer optional. Here that ends: what is behind this door has the fields that
 * decide something, so that no empty id reaches a call and no missing state counts as one.
 */
export type Told<Shape, Field extends keyof Shape> = Shape & {
  [Each in Field]-?: NonNullable<Shape[Each]>;
};

/** Of a copy, EC2 tells a volume that there is none of: `COPY_VOLUME`. */
export type KnownSnapshot = Told<Snapshot, 'SnapshotId' | 'State' | 'VolumeId' | 'StartTime'>;
export type KnownVolume = Told<
  Volume,
  'VolumeId' | 'State' | 'AvailabilityZone' | 'VolumeType' | 'Size' | 'CreateTime'
>;
export type KnownImage = Told<Image, 'ImageId' | 'State'>;
export type KnownModification = Told<VolumeModification, 'VolumeId' | 'ModificationState'>;
export type KnownInstance = Told<Instance, 'InstanceId'> & { State: Told<InstanceState, 'Name'> };

/** Ids that a call asked about, where it did: what comes without its id may be one of them, so that none of them is gone. */
type Asked = readonly string[] | undefined;

/**
 * What a list shows. An entry without an id is dropped, because nothing can be done to it; where ids were asked for, it is
 * refused, as is one without its state or what else its kind never lacks.
 *
 * @throws ApplicationFailure ServiceError, retryable: see {@link told}
 */
export function knownSnapshots(answered: readonly Snapshot[] | undefined, asked?: Asked): KnownSnapshot[] {
  return withId(answered, 'SnapshotId', asked).map(knownSnapshot);
}

/** As {@link knownSnapshots}. */
export function knownVolumes(answered: readonly Volume[] | undefined, asked?: Asked): KnownVolume[] {
  return withId(answered, 'VolumeId', asked).map(knownVolume);
}

/** As {@link knownSnapshots}. */
export function knownImages(answered: readonly Image[] | undefined, asked?: Asked): KnownImage[] {
  return withId(answered, 'ImageId', asked).map((each) => told(each, each.ImageId, 'State'));
}

/** As {@link knownSnapshots}: the machines of all reservations. */
export function knownInstances(answered: readonly Reservation[] | undefined, asked?: Asked): KnownInstance[] {
  return withId(instancesOf(answered), 'InstanceId', asked).map(knownInstance);
}

export function knownSnapshot(answered: Told<Snapshot, 'SnapshotId'>): KnownSnapshot {
  return told(answered, answered.SnapshotId, 'State', 'VolumeId', 'StartTime');
}

const VOLUME_FIELDS = ['State', 'AvailabilityZone', 'VolumeType', 'Size', 'CreateTime'] as const;

export function knownVolume(answered: Told<Volume, 'VolumeId'>): KnownVolume {
  return told(answered, answered.VolumeId, ...VOLUME_FIELDS);
}

export function knownInstance(answered: Told<Instance, 'InstanceId'>): KnownInstance {
  const { State } = told(answered, answered.InstanceId, 'State');
  return { ...answered, State: told(State, `the state of ${answered.InstanceId}`, 'Name') };
}

/** The key that a volume or snapshot is under; undefined where it is not encrypted. */
export function keyOf(
  { Encrypted, KmsKeyId }: { Encrypted?: boolean; KmsKeyId?: string },
  id: string,
): string | undefined {
  return Encrypted ? told({ KmsKeyId }, id, 'KmsKeyId').KmsKeyId : undefined;
}

export function instancesOf(reservations: readonly Reservation[] | undefined): Instance[] {
  return (reservations ?? []).flatMap(({ Instances = [] }) => Instances);
}

/** As {@link knownSnapshots}: of what has no state that decides anything. */
export function withId<Shape extends object, Id extends keyof Shape & string>(
  answered: readonly Shape[] | undefined,
  id: Id,
  asked?: Asked,
): Told<Shape, Id>[] {
  const named = (answered ?? []).filter((each): each is Told<Shape, Id> => isTold(each[id]));
  if (asked && named.length < (answered?.length ?? 0)) throw untold(asked.join(', '), 'an id');
  return named;
}

/**
 * What AWS answered, with fields that it leaves out of no sound answer.
 *
 * @param what was answered, with its id: `snap-1`, `CreateSnapshot of vol-1`
 * @throws ApplicationFailure ServiceError, retryable, naming what was left out: a thing of which AWS does not tell its state
 *   is neither gone nor fine
 */
export function told<Shape extends object, Field extends keyof Shape & string>(
  answered: Shape | undefined,
  what: string,
  ...fields: Field[]
): Told<Shape, Field> {
  if (tells(answered, fields)) return answered;
  throw untold(what, fields.filter((field) => !isTold(answered?.[field])).join(', '));
}

function tells<Shape extends object, Field extends keyof Shape>(
  answered: Shape | undefined,
  fields: readonly Field[],
): answered is Told<Shape, Field> {
  return answered !== undefined && fields.every((field) => isTold(answered[field]));
}

export function untold(what: string, fields: string): ApplicationFailure {
  return passingFailure(
    FAILURE.serviceError,
    `AWS answered ${what} without ${fields}; nothing was concluded from that, and it is asked again`,
  );
}

/** An empty text is no id and no state either. */
function isTold(value: unknown): boolean {
  return value !== undefined && value !== null && value !== '';
}
