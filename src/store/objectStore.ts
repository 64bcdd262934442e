/** A place for JSON documents that outlive workflow histories: manifests and evidence. */
export interface ObjectStore {
  /** Writes the document; the same key with the same content may be written again. */
  put(key: string, body: string): Promise<void>;
  /** Undefined when there is no such document. */
  get(key: string): Promise<string | undefined>;
}
