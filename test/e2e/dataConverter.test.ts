import { randomBytes } from 'node:crypto';
import { Holdfast, OperationFailed } from '../../src/client';
import { ConfigError } from '../../src/config';
import { SEARCH_ATTRIBUTES } from '../../src/model/names';
import { aKey } from '../support/seed';
import { aWorld, type World } from '../support/world';
import { WorkerProcesses } from '../support/workerProcess';

const key = (id: string) => `${id}:${randomBytes(32).toString('base64')}`;

describe('HOLDFAST_DATA_CONVERTER', () => {
  let world: World;
  let workers: WorkerProcesses;
  let holdfast: Holdfast;
  const keys = [key('new'), key('old')].join(',');
  let environment: Record<string, string>;

  beforeAll(async () => {
    world = await aWorld({ worker: false });
    workers = await WorkerProcesses.prepare(world);
    environment = {
      TEMPORAL_ADDRESS: world.temporal.address,
      TEMPORAL_NAMESPACE: world.temporal.namespace ?? 'default',
      HOLDFAST_DATA_CONVERTER: workers.compiledModule('src/temporal/encryptedPayloads.js'),
    };
    process.env.HOLDFAST_PAYLOAD_KEYS = keys;
    await workers.start({ ...environment, HOLDFAST_PAYLOAD_KEYS: keys });
    holdfast = await Holdfast.connect(environment);
  });
  afterAll(async () => {
    await holdfast.close();
    await workers.close();
    await world.close();
    delete process.env.HOLDFAST_PAYLOAD_KEYS;
  });

  interface RawPayload {
    metadata?: { encoding?: Uint8Array };
    data?: Uint8Array;
  }

  /** Every payload of a history as the server holds it, with the path where it is. */
  function payloads(value: unknown, at = ''): { at: string; payload: RawPayload }[] {
    if (typeof value !== 'object' || value === null || value instanceof Uint8Array) return [];
    const { metadata, data } = value as RawPayload;
    if (metadata?.encoding instanceof Uint8Array && data instanceof Uint8Array)
      return [{ at, payload: value }];
    return Object.entries(value).flatMap(([name, child]) => payloads(child, `${at}.${name}`));
  }

  const isEncrypted = ({ payload }: { payload: RawPayload }) =>
    Buffer.from(payload.metadata?.encoding ?? []).toString() === 'binary/encrypted';

  it('keeps what runs carry from the server, and leaves ids and search attributes readable', async () => {
    const kmsKeyId = await aKey(world.home);
    const operation = await holdfast.start('enableEncryptionByDefault', {
      kmsKeyIds: { 'us-east-1': kmsKeyId },
      ticket: 'SECRET-42',
    });
    const { summary, changed } = await operation.result();
    expect(summary).toBe('EBS encryption by default is on in 1 of 1 targets');
    expect(changed.items[0]?.after.kmsKeyId).toContain(kmsKeyId);

    const handle = world.client.workflow.getHandle(operation.workflowId);
    const found = payloads(await handle.fetchHistory());
    const plain = found.filter((each) => !isEncrypted(each));
    expect(found.length).toBeGreaterThan(10);
    expect(plain.map(({ at }) => at).filter((at) => !at.includes('earchAttributes'))).toEqual([]);
    expect(plain.length).toBeGreaterThan(0);
    const stored = found.map(({ payload }) => Buffer.from(payload.data ?? []).toString('latin1')).join('\n');
    for (const secret of ['SECRET-42', kmsKeyId]) expect(stored).not.toContain(secret);

    // A memo is a payload like any other: whoever has the keys reads it.
    const { typedSearchAttributes, type } = await holdfast.temporal.workflow
      .getHandle(operation.workflowId)
      .describe();
    expect(type).toBe('enableEncryptionByDefault');
    const { name } = SEARCH_ATTRIBUTES.outcome;
    expect(typedSearchAttributes.getAll().find(({ key: each }) => each.name === name)?.value).toBe(
      'Succeeded',
    );
  });

  it('gives people progress and failures in the clear', async () => {
    const operation = await holdfast.start('enableEncryptionByDefault', {
      kmsKeyIds: { 'us-east-1': 'alias/none' },
    });
    const failure: unknown = await operation.result().catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(OperationFailed);
    expect(failure).toMatchObject({
      type: 'AllFailed',
      workflowId: operation.workflowId,
      result: { failed: { items: [{ type: 'KeyUnusable' }] } },
    });
    expect((await operation.progress()).phase).toBe('AllFailed');
  });

  it.each([
    ['without keys', ''],
    ['with a key that is too short', 'short:c2hvcnQ='],
  ])('starts nothing %s', async (_, HOLDFAST_PAYLOAD_KEYS) => {
    const { code, said } = await workers.run({ ...environment, HOLDFAST_PAYLOAD_KEYS });
    expect(code).toBe(2);
    expect(said).toMatch(/^holdfast worker: HOLDFAST_DATA_CONVERTER: .*HOLDFAST_PAYLOAD_KEYS: [^\n]+\n$/);
    process.env.HOLDFAST_PAYLOAD_KEYS = HOLDFAST_PAYLOAD_KEYS;
    const client = Holdfast.connect(environment);
    await expect(client).rejects.toBeInstanceOf(ConfigError);
    await expect(client).rejects.toThrow('HOLDFAST_PAYLOAD_KEYS');
  });
});
