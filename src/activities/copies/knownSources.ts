import type { EC2Client } from '@aws-sdk/client-ec2';
import { snapshotsById } from '../points/recoveryPoints';
import type { KnownSnapshot } from '../support/known';

/** Some ten megabytes. */
const SOURCES_KEPT = 5000;

/** Snapshots that were found a moment ago, so that each is described once; those that are not known are looked up. */
export class KnownSources {
  private readonly known = new Map<string, KnownSnapshot>();

  keep(snapshot: KnownSnapshot): void {
    if (this.known.size >= SOURCES_KEPT) this.known.clear();
    this.known.set(snapshot.SnapshotId, snapshot);
  }

  async of(ec2: EC2Client, snapshotIds: string[]): Promise<Map<string, KnownSnapshot>> {
    const unknown = snapshotIds.filter((id) => !this.known.has(id));
    const found = unknown.length > 0 ? await snapshotsById(ec2, unknown) : new Map<string, KnownSnapshot>();
    for (const id of snapshotIds) {
      const known = this.known.get(id);
      if (known) found.set(id, known);
      this.known.delete(id);
    }
    return found;
  }
}
