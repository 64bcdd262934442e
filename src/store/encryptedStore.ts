import type { Payload, PayloadCodec } from '@temporalio/common';
import type { ObjectStore } from './objectStore';

/** A document as it lies in the store, where payloads are encrypted. */
interface Sealed {
  schemaVersion: 1;
  /** Payload as Temporal knows it, its bytes in base64. */
  encodedPayload: { metadata: Record<string, string>; data: string };
}

/**
 * Encrypts documents as payloads are: manifests hold user data, and evidence the commands of hooks. What was written
 * before stays readable. Names stay plain: hashes of what is in a manifest, ids of runs.
 */
export class EncryptedStore implements ObjectStore {
  constructor(
    private readonly store: ObjectStore,
    private readonly codecs: readonly PayloadCodec[],
  ) {}

  async put(key: string, body: string): Promise<void> {
    const payload: Payload = {
      metadata: { encoding: Buffer.from('json/plain') },
      data: Buffer.from(body),
    };
    let payloads = [payload];
    for (const codec of this.codecs) payloads = await codec.encode(payloads);
    const [{ metadata, data } = {}] = payloads;
    const sealed: Sealed = {
      schemaVersion: 1,
      encodedPayload: {
        metadata: Object.fromEntries(
          Object.entries(metadata ?? {}).map(([name, value]) => [name, base64(value)]),
        ),
        data: base64(data ?? new Uint8Array()),
      },
    };
    await this.store.put(key, JSON.stringify(sealed));
  }

  async get(key: string): Promise<string | undefined> {
    const document = await this.store.get(key);
    return document === undefined ? undefined : openDocument(document, this.codecs);
  }
}

/** The document itself, also of one that never was encrypted. */
export async function openDocument(document: string, codecs: readonly PayloadCodec[]): Promise<string> {
  const { encodedPayload } = JSON.parse(document) as Partial<Sealed>;
  if (!encodedPayload) return document;
  const metadata = Object.fromEntries(
    Object.entries(encodedPayload.metadata).map(([name, value]) => [name, Buffer.from(value, 'base64')]),
  );
  let payloads: Payload[] = [{ metadata, data: Buffer.from(encodedPayload.data, 'base64') }];
  for (const codec of codecs.toReversed()) payloads = await codec.decode(payloads);
  return Buffer.from(payloads[0]?.data ?? []).toString();
}

function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('base64');
}
