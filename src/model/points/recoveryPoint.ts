import { formatArchive, parseArchive, type Archive } from './archive';
import { NOT_COPIED, ownDescription, TAG, TAG_SCHEMA_VERSION } from '../names';
import { formatTerms, parseTerms, periodsKept, type RetentionTerms } from './retentionTerms';
import { otherOwner } from './snapshotOwner';
import { targetKey, type Target } from '../target';
import { formatVolumeLine, parseVolumeLine, type VolumeLine } from './volumeLine';
import { placeOfCopy } from '../ids';
import type { Consistency } from './consistency';

/** EC2 allows this many tags on a resource; `aws:` ones do not count, but cannot be written either. */
export const MAX_TAGS = 50;
/** Left free for legal holds that come later. */
const ROOM_FOR_HOLDS = 5;
const NEVER = 'never';

export function expiresAtTag(expiresAt: number | undefined): string {
  return expiresAt === undefined ? NEVER : new Date(expiresAt).toISOString();
}

export interface RecoveryPointTags {
  policyName: string;
  recoveryPointId: string;
  /** Milliseconds since the epoch. */
  slotMs: number;
  /** Milliseconds since the epoch. */
  takenAt: number;
  /** Milliseconds since the epoch; undefined for ever. */
  expiresAt?: number;
  /** Where copies belong: the tag's value. */
  copies?: string;
  /** Where the data may be: the tag's value. */
  residency?: string;
  sourceInstance?: string;
  volumes: Record<string, VolumeLine>;
  minKeep: number;
  rpoMs: number;
  retention: RetentionTerms;
  archive?: Archive;
  /** Of calendar terms. */
  timezone: string;
  /** Reason by hold: what is on legal hold when it is made. */
  holds?: Readonly<Record<string, string>>;
  /** The policy's, before the users' own. */
  costTags?: Readonly<Record<string, string>>;
  manifest?: string;
  /** Where hooks are asked for. */
  consistency?: Consistency;
  workflowId: string;
  /** First execution run id. */
  runId: string;
  requestedBy?: string;
  ticket?: string;
}

/**
 * The tags of every snapshot of a set, and after them the users' own as far as EC2's fifty allow. Volume lines give
 * way first where even Holdfast's own do not fit: the manifest has them too.
 */
export function recoveryPointTags(
  point: RecoveryPointTags,
  userTags: Readonly<Record<string, string>>,
): Record<string, string> {
  const volumeIds = Object.keys(point.volumes);
  const only = volumeIds.length === 1 ? volumeIds[0] : undefined;
  const own: Record<string, string> = {
    [TAG.schema]: TAG_SCHEMA_VERSION,
    [TAG.policy]: point.policyName,
    [TAG.recoveryPoint]: point.recoveryPointId,
    [TAG.slot]: new Date(point.slotMs).toISOString(),
    [TAG.takenAt]: new Date(point.takenAt).toISOString(),
    [TAG.expiresAt]: expiresAtTag(point.expiresAt),
    ...(point.copies && { [TAG.copies]: point.copies }),
    ...(point.residency && { [TAG.residency]: point.residency }),
    ...(point.sourceInstance && { [TAG.sourceInstance]: point.sourceInstance }),
    ...(only && { [TAG.sourceVolume]: only, [TAG.device]: point.volumes[only]?.device ?? '-' }),
    [TAG.set]: String(volumeIds.length),
    ...(point.consistency && { [TAG.consistency]: point.consistency }),
    [TAG.retention]: retentionTag(point),
    ...holdTags(point.holds),
    ...(point.manifest && { [TAG.manifest]: point.manifest }),
    [TAG.workflow]: point.workflowId.slice(0, 256),
    [TAG.run]: point.runId,
    ...(point.requestedBy && { [TAG.requestedBy]: point.requestedBy }),
    ...(point.ticket && { [TAG.ticket]: point.ticket }),
  };
  const lines = volumeIds.flatMap((id) => {
    const line = point.volumes[id];
    return line ? [[TAG.volumePrefix + id, formatVolumeLine(line)] as const] : [];
  });
  const costTags = point.costTags ?? {};
  const theirs = Object.entries(userTags).filter(
    ([key]) => !key.startsWith('aws:') && !key.startsWith(TAG.prefix) && !Object.hasOwn(costTags, key),
  );
  return Object.fromEntries(
    [...Object.entries(own), ...Object.entries(costTags), ...lines, ...theirs].slice(
      0,
      MAX_TAGS - ROOM_FOR_HOLDS,
    ),
  );
}

/**
 * Keys of what a point was to carry, and does not, because fifty tags are all that EC2 takes: users' tags, and the lines of
 * volumes, which its manifest has too.
 */
export function droppedTags(
  tags: Readonly<Record<string, string>>,
  userTags: Readonly<Record<string, string>>,
  volumeIds: readonly string[],
): string[] {
  const users = Object.keys(userTags).filter((key) => !key.startsWith('aws:') && !key.startsWith(TAG.prefix));
  const wanted = [...volumeIds.map((id) => TAG.volumePrefix + id), ...users];
  return wanted.filter((key) => !Object.hasOwn(tags, key));
}

/** What differs between a snapshot and its copy. */
export interface CopyTags {
  snapshotId: string;
  volumeId: string;
  target: Target;
  expiresAt?: number;
  retention: RetentionTerms;
  archive?: Archive;
  timezone: string;
  workflowId: string;
  runId: string;
}

/**
 * The tags of a copy: the snapshot's, with its own expiry, and with what a copy itself does not tell, its source.
 * The users' tags come last and give way first.
 */
export function copyTags(source: Readonly<Record<string, string>>, copy: CopyTags): Record<string, string> {
  const line = parseVolumeLine(source[TAG.volumePrefix + copy.volumeId] ?? '');
  const own: Record<string, string> = {
    ...Object.fromEntries(
      Object.entries(source).filter(([key]) => key.startsWith(TAG.prefix) && !NOT_COPIED.includes(key)),
    ),
    [TAG.expiresAt]: expiresAtTag(copy.expiresAt),
    [TAG.retention]: retentionTag({ ...keepTerms(source[TAG.retention] ?? ''), ...copy }),
    [TAG.copyOf]: copy.snapshotId,
    [TAG.sourceVolume]: copy.volumeId,
    [TAG.sourceTarget]: targetKey(copy.target),
    ...(line && { [TAG.device]: line.device }),
    [TAG.workflow]: copy.workflowId.slice(0, 256),
    [TAG.run]: copy.runId,
  };
  const isLine = (key: string) => key.startsWith(TAG.volumePrefix);
  const [lines, marks] = [
    Object.entries(own).filter(([key]) => isLine(key)),
    Object.entries(own).filter(([key]) => !isLine(key)),
  ];
  const theirs = Object.entries(source).filter(
    ([key]) => !key.startsWith('aws:') && !key.startsWith(TAG.prefix),
  );
  return Object.fromEntries([...marks, ...lines, ...theirs].slice(0, MAX_TAGS - ROOM_FOR_HOLDS));
}

/** A snapshot of a recovery point, as its own tags tell it. */
export interface RecoveryPointSnapshot {
  snapshotId: string;
  recoveryPointId: string;
  policyName: string;
  takenAt: number;
  /** Milliseconds since the epoch; undefined where the tag cannot be read. */
  slotMs?: number;
  /** Undefined for ever. */
  expiresAt?: number;
  /** Instance and device, or the standalone volume: what the snapshot is one of a series of. */
  lineage: string;
  /** What the snapshot is of. */
  volumeId?: string;
  /** Volumes in the point's set, where the tags say it. */
  setSize?: number;
  /** The instance or standalone volume, to ask whether it still exists. */
  sourceId: string;
  minKeep: number;
  rpoMs: number;
  /** By count and calendar; what its age gives it is `expiresAt`. */
  retention: RetentionTerms;
  archive?: Archive;
  timezone: string;
  legalHold: boolean;
  /** Places that copies belong in: regions, or `account/region` of vaults. */
  copyPlaces: string[];
  /** Of a copy: where its instance or volume is. */
  sourceTarget?: Target;
  /** The snapshot that this is the encrypted copy of, and stands for; copies elsewhere name that. */
  encryptedFrom?: string;
}

/**
 * Undefined when the snapshot is not Holdfast's: tag and description must agree, because people copy tags, and what
 * cannot be understood is nothing to act on.
 */
export function readRecoveryPoint(snapshot: {
  snapshotId: string;
  volumeId: string;
  description: string;
  tags: Readonly<Record<string, string>>;
}): RecoveryPointSnapshot | undefined {
  const { tags } = snapshot;
  const recoveryPointId = tags[TAG.recoveryPoint];
  const policyName = tags[TAG.policy];
  const takenAt = Date.parse(tags[TAG.takenAt] ?? '');
  const slotMs = Date.parse(tags[TAG.slot] ?? '');
  const expires = tags[TAG.expiresAt];
  const expiresAt = expires === NEVER ? undefined : Date.parse(expires ?? '');
  if (!recoveryPointId || !policyName || Number.isNaN(takenAt) || Number.isNaN(expiresAt ?? 0))
    return undefined;
  if (snapshot.description !== ownDescription(recoveryPointId)) return undefined;
  if (otherOwner(Object.keys(tags))) return undefined;
  const volumeId = tags[TAG.sourceVolume] ?? snapshot.volumeId;
  const instanceId = tags[TAG.sourceInstance];
  const device = parseVolumeLine(tags[TAG.volumePrefix + volumeId] ?? '')?.device ?? tags[TAG.device];
  return {
    snapshotId: snapshot.snapshotId,
    recoveryPointId,
    policyName,
    takenAt,
    ...(!Number.isNaN(slotMs) && { slotMs }),
    ...(expiresAt !== undefined && { expiresAt }),
    lineage: instanceId ? `${instanceId}:${device ?? volumeId}` : volumeId,
    volumeId,
    ...(Number(tags[TAG.set]) > 0 && { setSize: Number(tags[TAG.set]) }),
    sourceId: instanceId ?? volumeId,
    ...keepTerms(tags[TAG.retention] ?? ''),
    ...calendarTerms(tags[TAG.retention] ?? ''),
    legalHold: isHeld(tags),
    copyPlaces: tags[TAG.copies]?.split(' ') ?? [],
    ...sourceTargetOf(tags[TAG.sourceTarget]),
    ...(tags[TAG.encryptedFrom] && { encryptedFrom: tags[TAG.encryptedFrom] }),
  };
}

function sourceTargetOf(text: string | undefined): { sourceTarget?: Target } {
  const [accountId, region] = text?.split('/') ?? [];
  return accountId && region ? { sourceTarget: { accountId, region } } : {};
}

/** Other places that the tags of a snapshot in a place name: where copies of it belong, and where it is a copy from. */
export function placesIn(tags: Readonly<Record<string, string>>, { accountId }: Target): Target[] {
  const copies = tags[TAG.copies]?.split(' ').filter(Boolean) ?? [];
  const { sourceTarget } = sourceTargetOf(tags[TAG.sourceTarget]);
  return [...copies.map((place) => placeOfCopy(place, accountId)), ...(sourceTarget ? [sourceTarget] : [])];
}

/** Terms that hold without the policy. */
export function retentionTag({
  minKeep,
  rpoMs,
  retention,
  archive,
  timezone,
}: Pick<RecoveryPointTags, 'minKeep' | 'rpoMs' | 'retention' | 'archive' | 'timezone'>): string {
  const careful = `minKeep=${minKeep} rpo=${Math.round(rpoMs / 1000)}`;
  const zone = archive && !periodsKept(retention).length ? `zone=${timezone}` : '';
  const parts = [careful, formatTerms(retention, timezone), archive && formatArchive(archive), zone];
  return parts.filter(Boolean).join(' ');
}

function calendarTerms(text: string): Pick<RecoveryPointSnapshot, 'retention' | 'archive' | 'timezone'> {
  const { terms, timezone } = parseTerms(text);
  const archive = parseArchive(text);
  return { retention: terms, ...(archive && { archive }), timezone };
}

/** One tag for each hold, because several may hold one point, and each is released by itself. */
export function holdTags(holds: Readonly<Record<string, string>> = {}): Record<string, string> {
  return Object.fromEntries(
    Object.entries(holds).map(([id, reason]) => [TAG.holdPrefix + id, reason.slice(0, 256)]),
  );
}

export function isHeld(tags: Readonly<Record<string, string>>): boolean {
  return Object.keys(tags).some((key) => key.startsWith(TAG.holdPrefix));
}

/** Terms that cannot be read are the careful ones. */
function keepTerms(text: string): { minKeep: number; rpoMs: number } {
  const term = (name: string) => Number(new RegExp(`(?:^| )${name}=(\\d+)(?: |$)`).exec(text)?.[1] ?? NaN);
  return { minKeep: Math.max(1, term('minKeep') || 3), rpoMs: (term('rpo') || 0) * 1000 };
}
