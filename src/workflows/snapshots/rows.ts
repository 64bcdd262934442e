import type { SkippedItem } from '../../model/campaign';
import type { FailedItem } from '../../model/outcome';
import type { ProgressRow } from '../../model/progress';
import type { EncryptedSnapshot } from '../../model/snapshotEncryption';

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
