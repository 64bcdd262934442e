import type { ObjectStore } from '../../src/store/objectStore';

export class MemoryStore implements ObjectStore {
  readonly documents = new Map<string, string>();

  put(key: string, body: string): Promise<void> {
    this.documents.set(key, body);
    return Promise.resolve();
  }

  get(key: string): Promise<string | undefined> {
    return Promise.resolve(this.documents.get(key));
  }

  /** The documents, parsed. */
  values(): unknown[] {
    return [...this.documents.values()].map((body) => JSON.parse(body) as unknown);
  }
}
