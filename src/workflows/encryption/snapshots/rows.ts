import type { FailedItem, SkippedItem } from '../../../model/outcome';
import type { ProgressRow } from '../../../model/progress';
import type { EncryptedSnapshot } from '../../../model/encryption/snapshots/snapshotEncryption';

export function copyRow({ snapshotId, copyId }: EncryptedSnapshot, state: string): ProgressRow {
  return { item: snapshotId, state, note: copyId };
}

export function failedRow({ item, message }: FailedItem): ProgressRow {
  return { item, state: 'failed', note: message };
}

export function sparedRow({ snapshotId, copyId }: EncryptedSnapshot): ProgressRow {
  return {
    item: snapshotId,
    state: 'gone',
    note: `somebody has deleted it; its encrypted copy ${copyId} stays`,
  };
}

export function keptRow({ item, reasons }: SkippedItem): ProgressRow {
  return { item, state: 'stays', note: reasons.join('; ') };
}

export function unknownRow(item: string): ProgressRow {
  return { item, state: 'unknown', note: 'no copy of it waits for a commit' };
}

/** Problems that one sentence tells. */
const TOLD = 5;

/** The first few of them: the table has all. */
export function told(problems: readonly string[]): string {
  const more = problems.length > TOLD ? `; and ${problems.length - TOLD} more, in the table` : '';
  return problems.slice(0, TOLD).join('; ') + more;
}
