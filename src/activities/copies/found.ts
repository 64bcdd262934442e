import { Context } from '@temporalio/activity';
import { type ApplicationFailure } from '@temporalio/common';
import type { EC2Client } from '@aws-sdk/client-ec2';
import type { CopyJob } from '../../model/copies/copy';
import { valueAt } from '../../model/group';
import { TAG } from '../../model/names';
import { mayBeCopyOf } from './proof';
import { ambiguous } from '../support/proof';
import { isOwnSnapshot, markedSnapshots } from '../points/recoveryPoints';
import { tagMap } from '../support/tags';
import type { KnownSnapshot } from '../support/known';

/** By the snapshot that their marks say they are of. */
interface Copies {
  /** Good, or under way. */
  good: Map<string, KnownSnapshot[]>;
  /** In error. */
  broken: Map<string, KnownSnapshot[]>;
}

export function noCopies(): Copies {
  return { good: new Map(), broken: new Map() };
}

export async function findCopiesIn(
  ec2: EC2Client,
  Filters: { Name: string; Values: string[] }[],
): Promise<Copies> {
  const found = noCopies();
  for await (const copy of markedSnapshots(ec2, Filters)) {
    Context.current().heartbeat();
    const snapshotId = tagMap(copy.Tags)[TAG.copyOf];
    if (!snapshotId || !isOwnSnapshot(copy)) continue;
    const these = copy.State === 'error' ? found.broken : found.good;
    these.set(snapshotId, [...(these.get(snapshotId) ?? []), copy]);
  }
  return found;
}

/** Those of a snapshot of which AWS's own records agree that they may be, and that are encrypted as the job asks. */
export function copiesOf(
  source: KnownSnapshot,
  copies: ReadonlyMap<string, KnownSnapshot[]>,
  { terms: { kmsKeyId } }: CopyJob,
): KnownSnapshot[] {
  const ids = [source.SnapshotId, tagMap(source.Tags)[TAG.encryptedFrom]];
  return ids
    .flatMap((id) => valueAt(copies, id) ?? [])
    .filter((copy) => mayBeCopyOf(copy, source) && (copy.Encrypted === true || kmsKeyId === undefined));
}

export function severalCopies(snapshotId: string, copies: readonly KnownSnapshot[]): ApplicationFailure {
  return ambiguous(
    `copy of ${snapshotId}`,
    copies.map(({ SnapshotId }) => SnapshotId),
  );
}
