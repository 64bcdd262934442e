import type { EncryptedSnapshot } from './snapshotEncryption';

/**
 * Copies that one run makes at most before its commit: it knows its own by their recorded ids alone, and carries all of
 * them from run to run. At 37 bytes each these are 740 kB; Temporal takes 2 MB.
 */
export const MOST_COPIES = 20_000;

const PREFIX = 'snap-';

/**
 * The copies that a run has made and nobody has committed yet, by id. What is in here is its own; what is not, is not,
 * whatever tags it carries (docs/adr/0024).
 */
export class CopyLedger {
  /** Original by copy, in the order of the copies' ids. */
  private readonly originals: Map<string, string>;

  /** @param packed of an earlier run of the chain */
  constructor(packed = '') {
    this.originals = new Map(unpackCopies(packed).map(({ snapshotId, copyId }) => [copyId, snapshotId]));
  }

  get size(): number {
    return this.originals.size;
  }

  add(copies: readonly EncryptedSnapshot[]): void {
    for (const { snapshotId, copyId } of copies) this.originals.set(copyId, snapshotId);
  }

  remove(copyIds: readonly string[]): void {
    for (const copyId of copyIds) this.originals.delete(copyId);
  }

  /** Ids of the originals that it holds a copy of. */
  copied(): Set<string> {
    return new Set(this.originals.values());
  }

  /**
   * The next copies, by id.
   *
   * @param after the last copy of the page before
   * @param only of these originals
   */
  page(size: number, after = '', only?: ReadonlySet<string>): EncryptedSnapshot[] {
    return this.sorted()
      .filter(({ snapshotId, copyId }) => copyId > after && (!only || only.has(snapshotId)))
      .slice(0, size);
  }

  packed(): string {
    return packCopies(this.sorted());
  }

  private sorted(): EncryptedSnapshot[] {
    const all = [...this.originals].map(([copyId, snapshotId]) => ({ snapshotId, copyId }));
    return all.sort((a, b) => (a.copyId < b.copyId ? -1 : 1));
  }
}

/** `<original>:<copy>,…` without the prefix that all ids have. */
export function packCopies(copies: readonly EncryptedSnapshot[]): string {
  const bare = (id: string) => (id.startsWith(PREFIX) ? id.slice(PREFIX.length) : id);
  return copies.map(({ snapshotId, copyId }) => `${bare(snapshotId)}:${bare(copyId)}`).join(',');
}

export function unpackCopies(packed: string): EncryptedSnapshot[] {
  if (packed === '') return [];
  return packed.split(',').map((pair) => {
    const [original = '', copy = ''] = pair.split(':');
    return { snapshotId: PREFIX + original, copyId: PREFIX + copy };
  });
}

/**
 * What one attempt of a page tells the next one, and a page that was cut off its run: a copy that nobody has heard of is
 * nobody's.
 */
export interface PageRecord {
  /** Copies that it has made or taken over, packed. */
  begun: string;
  /** What carried the marks of copies before it made any: other people's work. */
  before: string[];
}

/** Query that every run answers, ended ones too: the copies that it has made and nobody has committed, packed. */
export const RECORDED_COPIES_QUERY = 'recordedCopies';
