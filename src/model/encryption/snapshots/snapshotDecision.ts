import { tagsTooMany } from './encryptedCopy';
import type { Maker } from '../../maker';
import { TAG } from '../../names';
import { isHeld, MAX_TAGS } from '../../points/recoveryPoint';
import type { SnapshotFacts } from './snapshotEncryption';
import { otherOwner, type OtherOwner } from '../../points/snapshotOwner';

/** What happens to a snapshot. */
export type SnapshotDecision =
  | { action: 'encrypt' }
  /** There is nothing to do. */
  | { action: 'done'; reasons: string[] }
  /** Neither copied nor touched. */
  | { action: 'keep'; reasons: string[] };

const OWNERS: Record<OtherOwner, string> = {
  awsBackup: 'AWS Backup looks after it: encrypt its vault, and what it makes from then on',
  dlm: 'Data Lifecycle Manager looks after it: turn encryption on in its policy, or by default',
};

interface Run {
  kmsKeyArn: string;
  maker: Maker;
}

/**
 * A copy is made only where the original can go at the commit: a second, encrypted copy beside an original that stays
 * protects nothing and costs twice.
 */
export function decideSnapshot(facts: SnapshotFacts, run: Run): SnapshotDecision {
  if (facts.encrypted) return { action: 'done', reasons: [encryptedAlready(facts, run.kmsKeyArn)] };
  const reasons = [...whyNotCopied(facts, run), ...whyNotDeleted(facts)];
  return reasons.length > 0 ? { action: 'keep', reasons } : { action: 'encrypt' };
}

function encryptedAlready({ kmsKeyId }: SnapshotFacts, kmsKeyArn: string): string {
  return kmsKeyId === kmsKeyArn
    ? 'it is encrypted under this key already'
    : `it is encrypted already, under another key: ${kmsKeyId ?? 'unknown'}`;
}

function whyNotCopied(facts: SnapshotFacts, { maker }: Run): string[] {
  const { state, stateMessage, copy, tags } = facts;
  const reasons: string[] = [];
  if (state === 'error') reasons.push(`it ended in error: ${stateMessage ?? 'EC2 gave no reason'}`);
  else if (state !== 'completed') reasons.push(`it is ${state}: run this again when it is completed`);
  if (copy?.isOpen && copy.workflowId !== maker.workflowId)
    reasons.push(
      `workflow ${copy.workflowId} has made its encrypted copy ${copy.copyId}: commit or roll back that`,
    );
  const over = tagsTooMany(facts, maker);
  if (over > 0)
    reasons.push(
      `it has ${Object.keys(tags).length} tags, and EC2 takes ${MAX_TAGS}: remove ${over}, so that those of its copy fit`,
    );
  return reasons;
}

/** Every reason why the original must stay; what AWS would refuse, and what AWS would let happen. */
export function whyNotDeleted(facts: SnapshotFacts): string[] {
  const { tags, images, lock, sharedWith, archived, migration } = facts;
  const reasons: string[] = [];
  const owner = otherOwner(Object.keys(tags));
  if (owner) reasons.push(OWNERS[owner]);
  if (migration) reasons.push(`migration ${migration} made it on its way, and removes it`);
  if (archived) reasons.push('it is in the archive: restore it first, permanently');
  if (images.length > 0)
    reasons.push(
      `${images.length > 1 ? 'images' : 'image'} ${images.join(', ')} ${images.length > 1 ? 'use' : 'uses'} it: deregister them, or make them again from encrypted volumes`,
    );
  if (lock)
    reasons.push(
      `it is locked${lock.until === undefined ? '' : ` until ${new Date(lock.until).toISOString()}`}: run this again then`,
    );
  if (sharedWith.length > 0) reasons.push(shared(sharedWith));
  if (isHeld(tags))
    reasons.push(`it is on legal hold (${holdsOf(tags)}): run this again when that is released`);
  return reasons;
}

function shared(sharedWith: readonly string[]): string {
  const accounts = sharedWith.filter((account) => account !== 'all');
  const whom = [...(sharedWith.includes('all') ? ['everybody'] : []), ...accounts].join(', ');
  return `it is shared with ${whom}, who would lose it, and need the key for a copy: end the sharing, run this again, and share the copy and its key`;
}

function holdsOf(tags: SnapshotFacts['tags']): string {
  const holds = Object.entries(tags).filter(([key]) => key.startsWith(TAG.holdPrefix));
  return holds.map(([key, reason]) => `${key.slice(TAG.holdPrefix.length)}: ${reason}`).join('; ');
}

/** Why a copy cannot stand for its original; undefined when it can. */
export function whyNoSubstitute(
  copy: { state: string; stateMessage?: string; encrypted: boolean; kmsKeyId?: string; sizeGiB: number },
  originalGiB: number | undefined,
  kmsKeyArn: string,
): string | undefined {
  if (copy.state !== 'completed')
    return `it is ${copy.state}${copy.stateMessage ? `: ${copy.stateMessage}` : ''}`;
  if (!copy.encrypted || copy.kmsKeyId !== kmsKeyArn)
    return `it is ${copy.encrypted ? `under ${copy.kmsKeyId ?? 'an unknown key'}` : 'not encrypted'}`;
  return originalGiB !== undefined && copy.sizeGiB !== originalGiB
    ? `it has ${copy.sizeGiB} GiB, and the original ${originalGiB}`
    : undefined;
}
