import { ActivityFailure, ApplicationFailure, CancelledFailure } from '@temporalio/workflow';
import { unpackCopies, type PageRecord } from '../../../model/encryption/snapshots/copyLedger';
import type { EncryptedSnapshot } from '../../../model/encryption/snapshots/snapshotEncryption';

/** A page of copies that ended before it was over. */
export interface CutOffPage {
  /** Copies that it says it has made. */
  begun: EncryptedSnapshot[];
  /** Of others, from before. */
  before: string[];
  /** Milliseconds since the epoch: it was asked for then, and may have made more than it could say. */
  sinceMs: number;
}

export function cutOffPage(error: unknown, sinceMs: number): CutOffPage {
  const cause = error instanceof ActivityFailure ? error.cause : error;
  const isTold = cause instanceof ApplicationFailure || cause instanceof CancelledFailure;
  const record = isTold ? (cause.details ?? []).find(isPageRecord) : undefined;
  return { begun: unpackCopies(record?.begun ?? ''), before: record?.before ?? [], sinceMs };
}

function isPageRecord(detail: unknown): detail is PageRecord {
  return typeof detail === 'object' && detail !== null && 'begun' in detail && 'before' in detail;
}
