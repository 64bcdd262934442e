import { Context } from '@temporalio/activity';
import type { ApplicationFailure } from '@temporalio/common';
import {
  CopySnapshotCommand,
  CreateSnapshotsCommand,
  CreateTagsCommand,
  type EC2Client,
  type SnapshotInfo,
  type Tag,
} from '@aws-sdk/client-ec2';
import { finalFailure } from '../../aws/applicationFailures';
import { FAILURE } from '../../model/failures';
import { groupBy } from '../../model/group';
import { ownDescription, TAG, TAG_SCHEMA_VERSION } from '../../model/names';
import { targetKey, type Target } from '../../model/target';
import type { ActivityDeps } from '../support/deps';
import { Sightings } from '../support/gone';
import { findInTime, findMadeEarlier, requestId } from '../support/idempotency';
import { isStagedFrom } from './ownVolumes';
import { theOnly } from '../support/proof';
import { deleteSnapshot } from '../points/recoveryPoints';
import { lookUntil, LookRhythm } from '../support/pace/rhythm';
import { readAll, readSnapshot } from '../support/sharedReads';
import { tagList, tagMap } from '../support/tags';
import { COPY_VOLUME } from '../../model/points/copyVolume';
import type { MachinePlan, MovePlan } from '../../model/machines/facts';
import { told, type KnownSnapshot, type Told } from '../support/known';
import { findSnapshots } from '../support/reads';

/** Snapshot id by the original volume's id. */
export type SnapshotMap = Record<string, string>;

interface StageRequest {
  plan: MachinePlan;
  migrationId: string;
  /** `seed` while the machine runs, `final` after the stop, `rollback` of the new volumes. */
  stage: string;
}

interface CopyRequest extends Omit<StageRequest, 'plan'>, Repeatable {
  plan: MovePlan;
  volumeId: string;
  snapshotId: string;
}

/** Of what is made again when it was broken, and looked for when another run may have made it. */
export interface Repeatable {
  /** Which try; 1 when left out. */
  number?: number;
  takesOver?: boolean;
}

/** The first try has no number, as those of 0.1.0 had none. */
export function numbered({ number = 1 }: Repeatable): string[] {
  return number > 1 ? [String(number)] : [];
}

/** Policy name on the recovery points that migrations leave. */
export const MIGRATION_POLICY = 'migration';

interface AwaitSnapshotsRequest {
  target: Target;
  snapshotIds: string[];
  unhurried?: boolean;
}

interface DeleteStagingRequest {
  target: Target;
  migrationId: string;
  keep: string[];
}

interface KeepAsRecoveryPointRequest {
  plan: MovePlan;
  migrationId: string;
  snapshotIds: string[];
}

/** Snapshots that a migration makes on its way; all carry its id as tag and in the description. */
export function stagingActivities({ aws, settings, calendar }: ActivityDeps) {
  const { pollMs } = settings;
  const rhythms = { hurried: new LookRhythm(pollMs, 3), unhurried: new LookRhythm(pollMs, 12, true) };

  return {
    /** One crash-consistent set of the volumes that move; CreateSnapshots has no client token, so the tag tells. */
    async startStagingSnapshots(request: StageRequest): Promise<SnapshotMap> {
      const { plan, migrationId, stage } = request;
      const ec2 = aws.ec2(plan.target, 'migrate');
      const key = requestId(migrationId, stage);
      const earlier = await findMadeEarlier(settings, () => findEarlierSet(ec2, plan, migrationId, key));
      const snapshots = earlier ?? (await createSet(ec2, plan, stagingTags(migrationId, key), migrationId));
      const map = Object.fromEntries(snapshots.map(({ VolumeId, SnapshotId }) => [VolumeId, SnapshotId]));
      return requireAll(plan, map, `${stage} snapshots`);
    },

    /**
     * Starts the encrypted copy of one snapshot. The same key and the same source volume make later copies
     * incremental (https://docs.aws.amazon.com/ebs/latest/userguide/ebs-copy-snapshot.html).
     */
    async startEncryptedCopy(request: CopyRequest): Promise<string> {
      const { plan, migrationId, stage, volumeId, snapshotId } = request;
      const ec2 = aws.ec2(plan.target, 'migrate');
      const key = requestId(migrationId, stage, 'copy', volumeId, ...numbered(request));
      const find = () => findEarlierCopy(ec2, request, key);
      // A run before this one may have begun it: that is looked for on the first attempt too.
      const earlier = request.takesOver
        ? await findInTime(settings, find)
        : await findMadeEarlier(settings, find);
      if (earlier) return earlier.SnapshotId;
      const Tags = tagList({
        ...stagingTags(migrationId, key),
        [TAG.sourceVolume]: volumeId,
        ...sourceTags(plan),
      });
      const answer = await ec2.send(
        new CopySnapshotCommand({
          SourceRegion: plan.target.region,
          SourceSnapshotId: snapshotId,
          Encrypted: true,
          KmsKeyId: plan.kmsKeyArn,
          Description: ownDescription(migrationId),
          TagSpecifications: [{ ResourceType: 'snapshot', Tags }],
        }),
      );
      return told(answer, `CopySnapshot of ${snapshotId}`, 'SnapshotId').SnapshotId;
    },

    /**
     * Waits until all are completed; `unhurried` where no machine is down meanwhile.
     *
     * @throws ApplicationFailure ResourceFailed with AWS's StateMessage, where a key that cannot be used shows up, and when one of
     * them is not there any more
     */
    async awaitSnapshots({ target, snapshotIds, unhurried = false }: AwaitSnapshotsRequest): Promise<void> {
      const ec2 = aws.ec2(target, 'read');
      const completed = new Set<string>();
      const open = () => snapshotIds.filter((id) => !completed.has(id));
      const sightings = new Sightings(settings);
      const areAllThere = async () => {
        const snapshots = await readAll(open(), (id) => readSnapshot(ec2, id));
        const broken = snapshots.find(({ State }) => State === 'error');
        if (broken) throw failed(target, broken);
        const [gone] = sightings.gone(
          open(),
          snapshots.map(({ SnapshotId }) => SnapshotId),
        );
        if (gone !== undefined) throw deleted(target, gone);
        for (const { SnapshotId, State } of snapshots) if (State === 'completed') completed.add(SnapshotId);
        return open().length === 0;
      };
      const rhythm = rhythms[unhurried ? 'unhurried' : 'hurried'];
      await lookUntil(rhythm, pollMs, areAllThere, () => ({ waitingFor: open() }));
    },

    /**
     * Of runs that 0.1.0 began: deletes what the migration staged, but for `keep` and what has become a recovery point. Both marks
     * must agree, and of two that seem to be the same none is deleted. Later runs name what is theirs: `deleteOwnSnapshots`.
     */
    async deleteStaging({ target, migrationId, keep }: DeleteStagingRequest): Promise<void> {
      const ec2 = aws.ec2(target, 'migrate');
      const own = (await findSnapshotsByTag(ec2, TAG.migration, migrationId)).filter(
        ({ Description }) => Description === ownDescription(migrationId),
      );
      const twins = groupBy(own, ({ Tags, VolumeId }) => {
        const { [TAG.request]: request, [TAG.sourceVolume]: source } = tagMap(Tags);
        return [request, VolumeId === COPY_VOLUME ? source : VolumeId].join('|');
      });
      for (const group of twins.values()) {
        const [snapshot] = group;
        if (!snapshot) continue;
        const { SnapshotId, Tags } = snapshot;
        Context.current().heartbeat(SnapshotId);
        // The tag may not show yet on what was made a recovery point a moment ago; `keep` names that.
        const isKept = keep.includes(SnapshotId) || tagMap(Tags)[TAG.recoveryPoint] !== undefined;
        if (group.length === 1 && !isKept) await deleteSnapshot(ec2, SnapshotId);
      }
    },

    /** Makes snapshots a recovery point of their own that never expires: what stays of a machine's last moment. */
    async keepAsRecoveryPoint({ plan, migrationId, snapshotIds }: KeepAsRecoveryPointRequest): Promise<void> {
      const Tags = tagList({
        [TAG.recoveryPoint]: migrationId,
        [TAG.policy]: MIGRATION_POLICY,
        [TAG.takenAt]: new Date(calendar.now()).toISOString(),
        [TAG.expiresAt]: 'never',
        ...sourceTags(plan),
        [TAG.set]: String(snapshotIds.length),
      });
      await aws.ec2(plan.target, 'migrate').send(new CreateTagsCommand({ Resources: snapshotIds, Tags }));
    },
  };
}

/** A volume by itself is the source of its snapshots; for others each says its own. */
export function sourceTags({ instanceId }: MovePlan): Record<string, string> {
  return instanceId ? { [TAG.sourceInstance]: instanceId } : {};
}

export function stagingTags(migrationId: string, request: string): Record<string, string> {
  return { [TAG.schema]: TAG_SCHEMA_VERSION, [TAG.migration]: migrationId, [TAG.request]: request };
}

async function createSet(
  ec2: EC2Client,
  plan: MachinePlan,
  tags: Record<string, string>,
  migrationId: string,
): Promise<BegunSnapshot[]> {
  const { Snapshots } = await ec2.send(new CreateSnapshotsCommand(setCommand(plan, tags, migrationId)));
  return begunSnapshots(Snapshots, `CreateSnapshots of ${plan.instanceId}`);
}

export type BegunSnapshot = Told<SnapshotInfo, 'SnapshotId' | 'VolumeId'>;

/** What a call has begun: without its id nobody could undo it, so that the next attempt looks for it by its tags. */
export function begunSnapshots(answered: readonly SnapshotInfo[] | undefined, call: string): BegunSnapshot[] {
  return (answered ?? []).map((each) => told(each, call, 'SnapshotId', 'VolumeId'));
}

export function setCommand(plan: MachinePlan, tags: Record<string, string>, migrationId: string) {
  const moves = (device: string) => plan.disks.some((disk) => disk.device === device);
  const Tags: Tag[] = tagList({ ...tags, [TAG.sourceInstance]: plan.instanceId });
  return {
    InstanceSpecification: {
      InstanceId: plan.instanceId,
      ExcludeBootVolume: !moves(plan.rootDevice),
      // EC2 refuses a boot volume here; the switch above is for that.
      ...(plan.untouchedData.length > 0 && { ExcludeDataVolumeIds: plan.untouchedData }),
    },
    Description: ownDescription(migrationId),
    TagSpecifications: [{ ResourceType: 'snapshot' as const, Tags }],
  };
}

function requireAll(plan: MachinePlan, map: SnapshotMap, what: string): SnapshotMap {
  const missing = plan.disks.filter(({ volumeId }) => !map[volumeId]).map(({ volumeId }) => volumeId);
  if (missing.length === 0) return map;
  throw finalFailure(
    FAILURE.notMigratable,
    `${plan.instanceId}: ${missing.join(', ')} not among the ${what}; somebody has changed the machine's volumes meanwhile`,
  );
}

/** The set of an attempt whose answer was lost: of the volumes themselves as EC2 records it, and only one of each. */
async function findEarlierSet(
  ec2: EC2Client,
  { disks }: MovePlan,
  migrationId: string,
  key: string,
): Promise<BegunSnapshot[] | undefined> {
  const found = (await findSnapshotsByTag(ec2, TAG.request, key)).filter(isWhole(migrationId));
  const set = disks.flatMap(({ volumeId }) => {
    const ofDisk = found.filter(({ VolumeId }) => VolumeId === volumeId);
    return theOnly(ofDisk, idOf, `snapshot of ${volumeId} that migration ${migrationId} made`) ?? [];
  });
  return set.length > 0 ? set : undefined;
}

/** A copy does not tell its source; what it tells has to agree, and there may be only one. */
async function findEarlierCopy(
  ec2: EC2Client,
  { plan, migrationId, volumeId }: CopyRequest,
  key: string,
): Promise<KnownSnapshot | undefined> {
  const size = plan.disks.find((disk) => disk.volumeId === volumeId)?.size;
  const found = (await findSnapshotsByTag(ec2, TAG.request, key)).filter(
    (copy) =>
      isWhole(migrationId)(copy) &&
      isStagedFrom(copy, volumeId, migrationId) &&
      copy.KmsKeyId === plan.kmsKeyArn &&
      copy.VolumeSize === size,
  );
  return theOnly(found, idOf, `encrypted copy of ${volumeId} that migration ${migrationId} made`);
}

/** What has broken is made again, not found again. */
export function isWhole(migrationId: string) {
  return ({ State, Description }: KnownSnapshot): boolean =>
    State !== 'error' && Description === ownDescription(migrationId);
}

export function idOf({ SnapshotId }: KnownSnapshot): string {
  return SnapshotId;
}

/** The request that a snapshot says that it was begun for. */
export function askedBy({ Tags }: KnownSnapshot): string | undefined {
  return tagMap(Tags)[TAG.request];
}

export async function findSnapshotsByTag(
  ec2: EC2Client,
  tag: string,
  value: string,
): Promise<KnownSnapshot[]> {
  const Filters = [{ Name: `tag:${tag}`, Values: [value] }];
  const snapshots = await findSnapshots(ec2, Filters);
  return snapshots.filter(({ Tags }) => tagMap(Tags)[tag] === value);
}

function deleted(target: Target, snapshotId: string): ApplicationFailure {
  return finalFailure(
    FAILURE.resourceFailed,
    `snapshot ${snapshotId} in ${targetKey(target)} is not there any more: somebody, or a retention of theirs, has deleted it; have that leave alone what carries the tag ${TAG.migration}, and start this again`,
  );
}

function failed(target: Target, { SnapshotId, StateMessage }: KnownSnapshot): ApplicationFailure {
  return finalFailure(
    FAILURE.resourceFailed,
    `snapshot ${SnapshotId} in ${targetKey(target)} failed: ${StateMessage ?? 'EC2 gave no reason'}`,
  );
}
