import type { KMSClient } from '@aws-sdk/client-kms';
import { TAG } from '../../model/names';
import type { SnapshotNow } from '../../model/points/retention';
import type { Target } from '../../model/target';
import type { ActivityDeps } from '../support/deps';
import { describeKey, whyUnusable } from '../keys/checks';
import { readClaimsFor } from '../points/recoveryPoints';
import { unlessUnknown } from '../support/unlessUnknown';
import { tagMap } from '../support/tags';
import { COPY_VOLUME } from '../../model/points/copyVolume';
import { placeOfCopy } from '../../model/ids';
import type { KnownSnapshot } from '../support/known';

/** What has no copy at all after so long will get none: the job that copied it has failed, and said so. */
const COPIES_TAKE_AT_MOST_MS = 7 * 86_400_000;

/**
 * Marks the points that are due to go, and belong in other places, where they are not for certain: their copies are under way, or
 * what seems to be a copy may not be one, or cannot be read. That has no age: the point may be all that can be read.
 *
 * @param raw the snapshots as AWS tells them, by id
 * @param expiresAtOf by the terms that are asked about: copies are looked for of what is due
 */
export async function markUncopied(
  { aws, calendar }: Pick<ActivityDeps, 'aws' | 'calendar'>,
  { accountId }: Target,
  snapshots: readonly SnapshotNow[],
  raw: ReadonlyMap<string, KnownSnapshot>,
  expiresAtOf: (snapshot: SnapshotNow) => number | undefined,
): Promise<void> {
  const oldest = calendar.now() - COPIES_TAKE_AT_MOST_MS;
  const due = snapshots.filter((each) => (expiresAtOf(each) ?? Infinity) <= calendar.now());
  for (const place of new Set(due.flatMap(({ copyPlaces }) => copyPlaces))) {
    const wanted = due.filter(({ copyPlaces }) => copyPlaces.includes(place));
    const destination = placeOfCopy(place, accountId);
    const ids = [...new Set(wanted.map((each) => each.recoveryPointId))];
    const there = await unlessUnknown(() => readClaimsFor(aws.ec2(destination, 'read'), ids));
    const keys = new Keys(() => aws.kms(destination, 'read'), destination);
    for (const snapshot of wanted) {
      const source = raw.get(snapshot.snapshotId);
      const claims = there?.get(snapshot.recoveryPointId);
      const copies = (claims?.own ?? []).filter(({ tags }) =>
        [snapshot.snapshotId, snapshot.encryptedFrom].includes(tags[TAG.copyOf]),
      );
      if (there && copies.length === 0 && snapshot.takenAt <= oldest) continue;
      const [copy] = copies;
      const isOne = copies.length === 1 && copy !== undefined && !claims?.rivals.has(copy.snapshotId);
      const isVault = destination.accountId !== accountId;
      const isCertain =
        isOne && source && isCopyOf(copy.snapshot, source, isVault) && (await keys.isUsable(copy.snapshot));
      if (!isCertain) snapshot.copyRunning = true;
    }
  }
}

/** Marks points whose own key is unusable for certain: retention does not count on what may never be read again. */
export async function markUnreadable(
  { aws }: Pick<ActivityDeps, 'aws'>,
  target: Target,
  snapshots: readonly SnapshotNow[],
  raw: ReadonlyMap<string, KnownSnapshot>,
): Promise<void> {
  const keys = new Keys(() => aws.kms(target, 'read'), target);
  for (const snapshot of snapshots) {
    const { Encrypted, KmsKeyId } = raw.get(snapshot.snapshotId) ?? {};
    if (Encrypted && KmsKeyId && (await keys.isUnusable(KmsKeyId))) snapshot.readable = false;
  }
}

/**
 * What AWS records of a copy, against what it records of its source. That a copy is of this very snapshot AWS does not
 * record; it is what the marks say.
 */
export function isCopyOf(copy: KnownSnapshot, source: KnownSnapshot, mustBeEncrypted: boolean): boolean {
  return (
    copy.State === 'completed' &&
    mayBeCopyOf(copy, source) &&
    (copy.Encrypted === true || !(mustBeEncrypted || source.Encrypted))
  );
}

/** The same of one that is under way. */
export function mayBeCopyOf(copy: KnownSnapshot, source: KnownSnapshot): boolean {
  const begun = source.StartTime.getTime();
  const first = Date.parse(tagMap(source.Tags)[TAG.startedAt] ?? '');
  return (
    copy.VolumeId === COPY_VOLUME &&
    copy.VolumeSize === source.VolumeSize &&
    // An encrypted copy that stands for its original was begun after the other copies of that.
    copy.StartTime.getTime() >= (Number.isNaN(first) ? begun : Math.min(begun, first))
  );
}

/** Whether copies can be read: each key is asked for once. */
class Keys {
  /** Undefined where nobody may say. */
  private readonly known = new Map<string, boolean | undefined>();

  constructor(
    private readonly kms: () => KMSClient,
    private readonly place: Target,
  ) {}

  async isUsable({ Encrypted, KmsKeyId }: KnownSnapshot): Promise<boolean> {
    if (!Encrypted) return true;
    return KmsKeyId !== undefined && (await this.ask(KmsKeyId)) === true;
  }

  async isUnusable(keyId: string): Promise<boolean> {
    return (await this.ask(keyId)) === false;
  }

  private async ask(keyId: string): Promise<boolean | undefined> {
    if (!this.known.has(keyId)) this.known.set(keyId, await this.look(keyId));
    return this.known.get(keyId);
  }

  private async look(keyId: string): Promise<boolean | undefined> {
    const answer = await unlessUnknown(async () => ({ key: await describeKey(this.kms(), keyId) }));
    if (!answer) return undefined;
    return answer.key !== undefined && whyUnusable(answer.key, this.place) === undefined;
  }
}
