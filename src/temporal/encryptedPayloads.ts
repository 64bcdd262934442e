import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import type { DataConverter, Payload, PayloadCodec } from '@temporalio/common';

/**
 * A data converter that encrypts payloads with AES-256-GCM before they leave the process:
 *
 *     HOLDFAST_DATA_CONVERTER=dist/src/temporal/encryptedPayloads.js
 *     HOLDFAST_PAYLOAD_KEYS=2026:<32 bytes in base64>,2025:<…>
 *
 * The first key encrypts; all of them decrypt, so that a new key goes in front and an old one stays until the last
 * history under it is gone. Teams with their own key service name a module of their own instead.
 */
export function dataConverter(): DataConverter {
  return { payloadCodecs: [new AesGcmCodec(readKeys(process.env.HOLDFAST_PAYLOAD_KEYS))] };
}

const ENCODING = 'binary/encrypted';
const KEY_BYTES = 32;
const NONCE_BYTES = 12;
const TAG_BYTES = 16;

interface Key {
  id: string;
  secret: Buffer;
}

function readKeys(text = ''): [Key, ...Key[]] {
  const keys = text
    .split(',')
    .filter(Boolean)
    .map((entry) => {
      const [id = '', encoded = ''] = entry.trim().split(':');
      const secret = Buffer.from(encoded, 'base64');
      if (!id || secret.length !== KEY_BYTES)
        throw new Error(`HOLDFAST_PAYLOAD_KEYS: key ${id || '?'} is not ${FORMAT}`);
      return { id, secret };
    });
  const [first, ...rest] = keys;
  if (!first) throw new Error(`HOLDFAST_PAYLOAD_KEYS: not set; give at least one key as ${FORMAT}`);
  return [first, ...rest];
}

const FORMAT = '<key id>:<32 bytes in base64>';

class AesGcmCodec implements PayloadCodec {
  constructor(private readonly keys: readonly [Key, ...Key[]]) {}

  encode(payloads: Payload[]): Promise<Payload[]> {
    return Promise.resolve(payloads.map((payload) => encrypt(payload, this.keys[0])));
  }

  decode(payloads: Payload[]): Promise<Payload[]> {
    return Promise.resolve(payloads.map((payload) => this.decodeOne(payload)));
  }

  /** Payloads from before encryption was switched on stay readable. */
  private decodeOne(payload: Payload): Payload {
    if (text(payload.metadata?.encoding) !== ENCODING) return payload;
    const id = text(payload.metadata?.['encryption-key-id']);
    const key = this.keys.find((each) => each.id === id);
    if (!key)
      throw new Error(`a payload is encrypted under key ${id}, which HOLDFAST_PAYLOAD_KEYS does not hold`);
    return decrypt(payload, key);
  }
}

function encrypt(payload: Payload, { id, secret }: Key): Payload {
  const nonce = randomBytes(NONCE_BYTES);
  const cipher = createCipheriv('aes-256-gcm', secret, nonce);
  const sealed = Buffer.concat([cipher.update(serialize(payload)), cipher.final()]);
  return {
    metadata: { encoding: Buffer.from(ENCODING), 'encryption-key-id': Buffer.from(id) },
    data: Buffer.concat([nonce, cipher.getAuthTag(), sealed]),
  };
}

function decrypt({ data }: Payload, { secret }: Key): Payload {
  const bytes = Buffer.from(data ?? []);
  const decipher = createDecipheriv('aes-256-gcm', secret, bytes.subarray(0, NONCE_BYTES));
  decipher.setAuthTag(bytes.subarray(NONCE_BYTES, NONCE_BYTES + TAG_BYTES));
  const sealed = bytes.subarray(NONCE_BYTES + TAG_BYTES);
  return deserialize(Buffer.concat([decipher.update(sealed), decipher.final()]));
}

interface Serialized {
  metadata: Record<string, string>;
  data?: string;
}

function serialize({ metadata, data }: Payload): string {
  const entries = Object.entries(metadata ?? {}).map(([key, value]) => [key, base64(value)]);
  const serialized: Serialized = {
    metadata: Object.fromEntries(entries) as Record<string, string>,
    ...(data && { data: base64(data) }),
  };
  return JSON.stringify(serialized);
}

function deserialize(bytes: Buffer): Payload {
  const { metadata, data } = JSON.parse(bytes.toString()) as Serialized;
  return {
    metadata: Object.fromEntries(
      Object.entries(metadata).map(([key, value]) => [key, Buffer.from(value, 'base64')]),
    ),
    ...(data !== undefined && { data: Buffer.from(data, 'base64') }),
  };
}

function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('base64');
}

function text(bytes: Uint8Array | null | undefined): string {
  return Buffer.from(bytes ?? []).toString();
}
