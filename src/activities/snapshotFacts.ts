import { Context } from '@temporalio/activity';
import { ApplicationFailure } from '@temporalio/common';
import { paginateDescribeSnapshots, type EC2Client, type Snapshot } from '@aws-sdk/client-ec2';
import { isNotFound } from '../aws/failures';
import { isUncommitted } from '../model/encryptedCopy';
import { FAILURE } from '../model/failures';
import { TAG } from '../model/names';
import { matchesTags, tagFilters } from '../model/selector';
import type { SnapshotFacts, SnapshotScope } from '../model/snapshotEncryption';
import { otherOwner } from '../model/snapshotOwner';
import { targetKey } from '../model/target';
import { IN_ARCHIVE, tieringOf } from './archiveTier';
import { isOpen } from './campaigns';
import type { ActivityDeps } from './deps';
import { tagMap } from './imageReads';
import { FILTER_VALUES } from './inventory';
import { snapshotsById } from './recoveryPoints';
import { volumePermissions } from './shares';
import { lockedSnapshots, usedByImages } from './snapshotUse';

const PAGE = 1000;

/**
 * The account's snapshots that a run is about, by id: a cursor over ids stays good whatever comes and goes meanwhile.
 *
 * @throws ApplicationFailure NotFound naming every id that is not there
 */
export async function selectedSnapshots(ec2: EC2Client, scope: SnapshotScope): Promise<Snapshot[]> {
  const { target, snapshotIds, selector, begunUntilMs = Infinity } = scope;
  if (snapshotIds) {
    const found = await snapshotsById(ec2, snapshotIds);
    const unknown = snapshotIds.filter((id) => !found.has(id));
    // What was there when the run was planned, and is not now, somebody has deleted.
    if (unknown.length > 0 && begunUntilMs === Infinity)
      throw ApplicationFailure.nonRetryable(
        `snapshotIds: ${targetKey(target)} has no snapshot ${unknown.join(', ')} of its own`,
        FAILURE.notFound,
      );
    return byId([...found.values()]);
  }
  const { tags, unencrypted } = selector ?? {};
  const plain = unencrypted ? [{ Name: 'encrypted', Values: ['false'] }] : [];
  const Filters = tags ? tagFilters(tags, plain) : plain;
  const selected: Snapshot[] = [];
  for await (const snapshot of snapshotsBy(ec2, Filters)) {
    const isLater = (snapshot.StartTime?.getTime() ?? 0) > begunUntilMs;
    const isCopy = isUncommitted(marksOf(snapshot));
    if (!isLater && !isCopy && (!tags || matchesTags(tags, tagMap(snapshot.Tags)))) selected.push(snapshot);
  }
  return byId(selected);
}

function byId(snapshots: readonly Snapshot[]): Snapshot[] {
  return [...snapshots].sort((a, b) => ((a.SnapshotId ?? '') < (b.SnapshotId ?? '') ? -1 : 1));
}

export async function* snapshotsBy(
  ec2: EC2Client,
  Filters: { Name: string; Values: string[] }[],
): AsyncGenerator<Snapshot> {
  const pages = paginateDescribeSnapshots({ client: ec2, pageSize: PAGE }, { OwnerIds: ['self'], Filters });
  for await (const { Snapshots = [] } of pages) {
    Context.current().heartbeat();
    yield* Snapshots;
  }
}

export function marksOf({ Tags, Description = '' }: Snapshot) {
  return { tags: tagMap(Tags), description: Description };
}

/** What decides about these snapshots, as it is now. */
export async function factsOf(
  deps: ActivityDeps,
  { target, maker }: Pick<SnapshotScope, 'target' | 'maker'>,
  snapshots: readonly Snapshot[],
): Promise<SnapshotFacts[]> {
  const ec2 = deps.aws.ec2(target, 'read');
  const open = snapshots.filter(({ Encrypted }) => !Encrypted);
  const ids = open.map(({ SnapshotId = '' }) => SnapshotId);
  if (ids.length === 0) return snapshots.map((snapshot) => ({ ...plainFacts(snapshot), ...NOTHING_KNOWN }));
  const [images, locks] = [await usedByImages(ec2), await lockedSnapshots(ec2)];
  const archived = await tieringOf(ec2, undefined, IN_ARCHIVE);
  const copies = await copiesOf(deps, ec2, ids, maker.workflowId);
  const facts: SnapshotFacts[] = [];
  for (const snapshot of snapshots) {
    Context.current().heartbeat();
    const plain = plainFacts(snapshot);
    const { snapshotId } = plain;
    if (plain.encrypted) {
      facts.push({ ...plain, ...NOTHING_KNOWN });
      continue;
    }
    const lock = locks.get(snapshotId);
    const copy = copies.get(snapshotId);
    facts.push({
      ...plain,
      archived: snapshot.StorageTier === 'archive' || archived.has(snapshotId),
      images: images.get(snapshotId) ?? [],
      ...(lock && { lock }),
      ...(copy && { copy }),
      sharedWith: otherOwner(Object.keys(plain.tags)) ? [] : await sharedWith(ec2, snapshotId),
    });
  }
  return facts;
}

/** Of what is encrypted nothing more is asked. */
const NOTHING_KNOWN = { archived: false, images: [], sharedWith: [] } as const;

function plainFacts(snapshot: Snapshot) {
  const { SnapshotId = '', State = '', StateMessage, Encrypted = false, KmsKeyId, VolumeId = '' } = snapshot;
  return {
    snapshotId: SnapshotId,
    state: State,
    ...(StateMessage && { stateMessage: StateMessage }),
    encrypted: Encrypted,
    ...(KmsKeyId && { kmsKeyId: KmsKeyId }),
    ...marksOf(snapshot),
    volumeId: VolumeId,
    startedAt: snapshot.StartTime?.getTime() ?? 0,
  };
}

async function sharedWith(ec2: EC2Client, snapshotId: string): Promise<string[]> {
  try {
    const { accounts, public: isPublic } = await volumePermissions(ec2, snapshotId);
    return [...accounts, ...(isPublic ? ['all'] : [])];
  } catch (error) {
    if (isNotFound(error)) return [];
    throw error;
  }
}

type KnownCopy = NonNullable<SnapshotFacts['copy']>;

/** The encrypted copy of each snapshot: this run's, or else another's that is open, or else any that is good. */
async function copiesOf(
  deps: ActivityDeps,
  ec2: EC2Client,
  snapshotIds: readonly string[],
  ownWorkflowId: string,
): Promise<Map<string, KnownCopy>> {
  const found = new Map<string, KnownCopy>();
  const states = new Map<string, boolean>();
  for await (const snapshot of encryptedCopiesOf(ec2, snapshotIds)) {
    const { tags, description } = marksOf(snapshot);
    const workflowId = tags[TAG.workflow] ?? '';
    const open = states.get(workflowId) ?? (await isOpen(deps, workflowId));
    states.set(workflowId, open);
    const isCommitted = !isUncommitted({ tags, description });
    const copy = { copyId: snapshot.SnapshotId ?? '', workflowId, isOpen: open, isCommitted };
    const rank = (each: KnownCopy | undefined) =>
      each === undefined
        ? 0
        : each.workflowId === ownWorkflowId
          ? 3
          : each.isOpen || each.isCommitted
            ? 2
            : 1;
    const of = tags[TAG.encryptedFrom] ?? '';
    if (rank(copy) > rank(found.get(of))) found.set(of, copy);
  }
  return found;
}

/** Copies that are good or under way, by the tag that names their original; those that were committed too. */
export async function* encryptedCopiesOf(
  ec2: EC2Client,
  snapshotIds: readonly string[],
): AsyncGenerator<Snapshot> {
  for (let start = 0; start < snapshotIds.length; start += FILTER_VALUES) {
    const Values = snapshotIds.slice(start, start + FILTER_VALUES);
    for await (const snapshot of snapshotsBy(ec2, [{ Name: `tag:${TAG.encryptedFrom}`, Values }]))
      if (snapshot.Encrypted && snapshot.State !== 'error') yield snapshot;
  }
}
