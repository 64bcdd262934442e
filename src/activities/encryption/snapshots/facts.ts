import type { EC2Client, Filter } from '@aws-sdk/client-ec2';
import { notFound } from '../../../aws/applicationFailures';
import { isUncommitted } from '../../../model/encryption/snapshots/encryptedCopy';
import { TAG } from '../../../model/names';
import { matchesTags, tagFilters } from '../../../model/selector';
import type { SnapshotFacts, SnapshotScope } from '../../../model/encryption/snapshots/snapshotEncryption';
import { otherOwner } from '../../../model/points/snapshotOwner';
import { targetKey } from '../../../model/target';
import { IN_ARCHIVE, findTiering } from '../../points/tiers';
import { agreesWith } from './copyRecords';
import type { ActivityDeps } from '../../support/deps';
import { heartbeat } from '../../support/pace/heartbeat';
import { OtherRuns } from './otherRuns';
import { snapshotsById } from '../../points/recoveryPoints';
import { findLocked, findUsedByImages } from '../../points/snapshotUse';
import { findStagedSnapshots } from '../stagedSnapshots';
import { tagMap } from '../../support/tags';
import { readVolumePermissions } from '../../points/permissions';
import { groupsOf } from '../../support/groups';
import { keyOf, type KnownSnapshot } from '../../support/known';
import { snapshotPages } from '../../support/reads';
import { unlessGone } from '../../support/unlessGone';

/**
 * The account's snapshots that a run is about, by id: a cursor over ids stays good whatever comes and goes meanwhile.
 *
 * @throws ApplicationFailure NotFound naming every id that is not there
 */
export async function selectSnapshots(ec2: EC2Client, scope: SnapshotScope): Promise<KnownSnapshot[]> {
  const { target, snapshotIds, selector, begunUntilMs = Infinity } = scope;
  if (snapshotIds) {
    const found = await snapshotsById(ec2, snapshotIds);
    const unknown = snapshotIds.filter((id) => !found.has(id));
    // What was there when the run was planned, and is not now, somebody has deleted.
    if (unknown.length > 0 && begunUntilMs === Infinity)
      throw notFound(`snapshotIds: ${targetKey(target)} has no snapshot ${unknown.join(', ')} of its own`);
    return byId([...found.values()]);
  }
  const { tags, unencrypted } = selector ?? {};
  const plain = unencrypted ? [{ Name: 'encrypted', Values: ['false'] }] : [];
  const Filters = tags ? tagFilters(tags, plain) : plain;
  const selected: KnownSnapshot[] = [];
  for await (const snapshot of snapshotsBy(ec2, Filters)) {
    const isLater = snapshot.StartTime.getTime() > begunUntilMs;
    if (!isLater && (!tags || matchesTags(tags, tagMap(snapshot.Tags)))) selected.push(snapshot);
  }
  return byId(selected);
}

function byId(snapshots: readonly KnownSnapshot[]): KnownSnapshot[] {
  return [...snapshots].sort((a, b) => (a.SnapshotId < b.SnapshotId ? -1 : 1));
}

export async function* snapshotsBy(ec2: EC2Client, Filters: Filter[]): AsyncGenerator<KnownSnapshot> {
  for await (const page of snapshotPages(ec2, Filters)) {
    heartbeat();
    yield* page;
  }
}

export function marksOf({ Tags, Description = '' }: KnownSnapshot) {
  return { tags: tagMap(Tags), description: Description };
}

/** An encrypted copy that nobody has committed is nobody's to encrypt. What is not encrypted is none, whatever marks it has. */
export function isOwnCopy(snapshot: KnownSnapshot): boolean {
  return snapshot.Encrypted === true && isUncommitted(marksOf(snapshot));
}

/** What decides about these snapshots, as it is now; nothing of one that went meanwhile. */
export async function readSnapshotFacts(
  deps: ActivityDeps,
  scope: Pick<SnapshotScope, 'target' | 'maker' | 'kmsKeyArn'>,
  snapshots: readonly KnownSnapshot[],
): Promise<SnapshotFacts[]> {
  const { target } = scope;
  const ec2 = deps.aws.ec2(target, 'read');
  const open = snapshots.filter(({ Encrypted }) => !Encrypted);
  if (open.length === 0) return snapshots.map((snapshot) => ({ ...plainFacts(snapshot), ...NOTHING_KNOWN }));
  const [images, locks] = [await findUsedByImages(ec2), await findLocked(ec2)];
  const archived = await findTiering(ec2, undefined, IN_ARCHIVE);
  const staged = await findStagedSnapshots(deps, target, open);
  const copies = await findCopies(deps, ec2, open, scope);
  const facts: SnapshotFacts[] = [];
  for (const snapshot of snapshots) {
    heartbeat();
    const plain = plainFacts(snapshot);
    const { snapshotId } = plain;
    if (plain.encrypted) {
      facts.push({ ...plain, ...NOTHING_KNOWN });
      continue;
    }
    const sharing = otherOwner(Object.keys(plain.tags)) ? [] : await readSharedWith(ec2, snapshotId);
    if (!sharing) continue;
    const lock = locks.get(snapshotId);
    const migration = staged.get(snapshotId);
    facts.push({
      ...plain,
      archived: snapshot.StorageTier === 'archive' || archived.has(snapshotId),
      images: images.get(snapshotId) ?? [],
      ...(lock && { lock }),
      ...(migration && { migration }),
      ...copies.get(snapshotId),
      sharedWith: sharing,
    });
  }
  return facts;
}

/** Of what is encrypted nothing more is asked. */
const NOTHING_KNOWN = { archived: false, images: [], sharedWith: [] } as const;

function plainFacts(snapshot: KnownSnapshot) {
  const { SnapshotId, State, StateMessage, Encrypted = false, KmsKeyId, VolumeId } = snapshot;
  return {
    snapshotId: SnapshotId,
    state: State,
    ...(StateMessage && { stateMessage: StateMessage }),
    encrypted: Encrypted,
    ...(KmsKeyId && { kmsKeyId: KmsKeyId }),
    ...marksOf(snapshot),
    volumeId: VolumeId,
    startedAt: snapshot.StartTime.getTime(),
  };
}

/** Undefined of what is not there any more: of that, nobody knows. */
async function readSharedWith(ec2: EC2Client, snapshotId: string): Promise<string[] | undefined> {
  const permissions = await unlessGone(readVolumePermissions(ec2, snapshotId));
  return permissions && [...permissions.accounts, ...(permissions.public ? ['all'] : [])];
}

type Copies = Pick<SnapshotFacts, 'copy' | 'unproven'>;
type KnownCopy = NonNullable<SnapshotFacts['copy']>;

/**
 * What carries the marks of a copy of each snapshot: that of another run which is open, or of one that has ended and
 * recorded it; all else is nobody's, what looks committed too: its original would not be there. This run's own copies
 * are not found but recorded.
 */
async function findCopies(
  deps: ActivityDeps,
  ec2: EC2Client,
  snapshots: readonly KnownSnapshot[],
  scope: Pick<SnapshotScope, 'maker' | 'kmsKeyArn'>,
): Promise<Map<string, Copies>> {
  const originals = new Map(snapshots.map((snapshot) => [snapshot.SnapshotId, snapshot]));
  const runs = new OtherRuns(deps);
  const found = new Map<string, Copies>();
  for await (const copy of encryptedCopiesOf(ec2, [...originals.keys()])) {
    const of = marksOf(copy).tags[TAG.encryptedFrom];
    if (of === undefined) continue;
    const original = originals.get(of);
    const known = original && (await findKnownCopy(runs, copy, original, scope));
    const before = found.get(of);
    if (known) found.set(of, { ...before, ...((known.isOpen || !before?.copy) && { copy: known }) });
    else found.set(of, { ...before, unproven: [...(before?.unproven ?? []), copy.SnapshotId] });
  }
  return found;
}

async function findKnownCopy(
  runs: OtherRuns,
  copy: KnownSnapshot,
  original: KnownSnapshot,
  { maker, kmsKeyArn }: Pick<SnapshotScope, 'maker' | 'kmsKeyArn'>,
): Promise<KnownCopy | undefined> {
  const { SnapshotId: copyId } = copy;
  const { SnapshotId: snapshotId } = original;
  const workflowId = marksOf(copy).tags[TAG.workflow];
  const key = keyOf(copy, copyId);
  if (!key || !workflowId) return undefined;
  if (!agreesWith(copy, original, snapshotId, { kmsKeyArn: key, sinceMs: 0 })) return undefined;
  if (!isUncommitted(marksOf(copy)) || workflowId === maker.workflowId.slice(0, 256)) return undefined;
  if (await runs.isOpen(workflowId)) return { copyId, workflowId, isOpen: true };
  const isProven = key === kmsKeyArn && (await runs.hasRecorded(workflowId, { snapshotId, copyId }));
  return isProven ? { copyId, workflowId, isOpen: false } : undefined;
}

/** Snapshots that say of themselves that they are encrypted copies, good or under way, by the tag that names their original. */
export async function* encryptedCopiesOf(
  ec2: EC2Client,
  snapshotIds: readonly string[],
): AsyncGenerator<KnownSnapshot> {
  for (const Values of groupsOf(snapshotIds))
    for await (const snapshot of snapshotsBy(ec2, [{ Name: `tag:${TAG.encryptedFrom}`, Values }]))
      if (snapshot.Encrypted && snapshot.State !== 'error') yield snapshot;
}
