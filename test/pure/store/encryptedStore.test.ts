import { dataConverter } from '../../../src/temporal/encryptedPayloads';
import { EncryptedStore, openDocument } from '../../../src/store/encryptedStore';
import { MemoryStore } from '../../support/memoryStore';

const KEY = (id: string) => `${id}:${Buffer.alloc(32, id).toString('base64')}`;
const BODY = JSON.stringify({ userData: 'db-password' });

describe('documents under an encrypting data converter', () => {
  const under = (...keys: string[]) => {
    process.env.HOLDFAST_PAYLOAD_KEYS = keys.map(KEY).join(',');
    return dataConverter().payloadCodecs ?? [];
  };
  afterAll(() => delete process.env.HOLDFAST_PAYLOAD_KEYS);

  it('are not readable where they lie, and are to who has the key', async () => {
    const memory = new MemoryStore();
    const store = new EncryptedStore(memory, under('2026'));
    await store.put('a.json', BODY);
    const [lying = ''] = memory.documents.values();
    expect(lying).not.toContain('db-password');
    expect(lying).not.toContain(Buffer.from('db-password').toString('base64').slice(0, 8));
    expect(await store.get('a.json')).toBe(BODY);
    expect(await openDocument(lying, under('2027', '2026'))).toBe(BODY);
    await expect(openDocument(lying, under('2027'))).rejects.toThrow('under key 2026');
    expect(await store.get('b.json')).toBeUndefined();
  });

  it('of before are read as they are', async () => {
    const memory = new MemoryStore();
    await memory.put('a.json', BODY);
    expect(await new EncryptedStore(memory, under('2026')).get('a.json')).toBe(BODY);
  });

  it('go through all codecs, in the order in which payloads do', async () => {
    const order: string[] = [];
    const codec = (name: string) => ({
      encode: <Item>(payloads: Item[]) => Promise.resolve((order.push(`+${name}`), payloads)),
      decode: <Item>(payloads: Item[]) => Promise.resolve((order.push(`-${name}`), payloads)),
    });
    const store = new EncryptedStore(new MemoryStore(), [codec('a'), codec('b')]);
    await store.put('a.json', BODY);
    expect(await store.get('a.json')).toBe(BODY);
    expect(order).toEqual(['+a', '+b', '-b', '-a']);
  });
});
