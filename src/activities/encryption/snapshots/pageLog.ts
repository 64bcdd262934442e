import { ApplicationFailure, CancelledFailure } from '@temporalio/common';
import { toFailure } from '../../../aws/failures';
import { packCopies, unpackCopies, type PageRecord } from '../../../model/encryption/snapshots/copyLedger';
import { FAILURE } from '../../../model/failures';
import type { EncryptedSnapshot } from '../../../model/encryption/snapshots/snapshotEncryption';
import { heartbeat } from '../../support/pace/heartbeat';

/** What an attempt has made; told with every heartbeat, and to the run when there is no next attempt. */
export class PageLog {
  /** Original by copy. */
  readonly begun: Map<string, string>;
  private readonly before: string[] | undefined;
  private seen: string[] = [];

  constructor(earlier: PageRecord | undefined) {
    this.begun = new Map(
      unpackCopies(earlier?.begun ?? '').map(({ snapshotId, copyId }) => [copyId, snapshotId]),
    );
    this.before = earlier?.before;
  }

  /** Others' copies, which were there before the first call. */
  get others(): string[] {
    return this.before ?? this.seen;
  }

  sawBefore(copyIds: string[]): void {
    this.seen = copyIds;
    heartbeat();
  }

  copies(): EncryptedSnapshot[] {
    return [...this.begun].map(([copyId, snapshotId]) => ({ snapshotId, copyId }));
  }

  record(): PageRecord {
    return { begun: packCopies(this.copies()), before: this.others };
  }

  /** An error after which Temporal tries again leaves as it is: the heartbeats have told. */
  joinedTo(error: unknown): unknown {
    const failure = toFailure(error);
    if (failure instanceof CancelledFailure) return new CancelledFailure(failure.message, [this.record()]);
    if (!(failure instanceof ApplicationFailure) || !failure.nonRetryable) return error;
    const { message, details, cause } = failure;
    const type = failure.type ?? FAILURE.serviceError;
    return ApplicationFailure.create({
      message,
      type,
      nonRetryable: true,
      details: [...(details ?? []), this.record()],
      ...(cause && { cause }),
    });
  }
}
