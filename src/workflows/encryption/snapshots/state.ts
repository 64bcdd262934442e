import type { SnapshotScope } from '../../../model/encryption/snapshots/snapshotEncryption';
import type { CommitOrder } from './orders';
import type { Tally } from './tally';

/** Where a run is, and what it knows: goes on in a new run when the history is long. */
export interface SnapshotState {
  scope: SnapshotScope;
  stage: 'planning' | 'copying' | 'waiting';
  /** Of the stage: id of the last snapshot that was dealt with. */
  cursor?: string;
  tally: Tally;
  /** Copies that this run has made and nobody has committed, packed; a run of 0.1.0 recorded none. */
  copies?: string;
  /** A commit that an earlier run of the chain has begun. */
  committing?: { order: CommitOrder; cursor: string; problems?: string[] };
  /** Why its last commit was refused: a person has to mend it. */
  held?: string;
  /** Given to an earlier run of the chain, and not carried out yet. */
  orders?: CommitOrder[];
}
