import type { NativeConnection } from '@temporalio/worker';
import { ConfigError } from '../../../src/config';
import { SEARCH_ATTRIBUTES } from '../../../src/model/names';
import { requireSearchAttributes } from '../../../src/temporal/searchAttributes';

const WHERE = { namespace: 'prod', address: 'here:7233' };
const TYPES = { KEYWORD: 2, KEYWORD_LIST: 7 };

describe('requireSearchAttributes', () => {
  const all = Object.fromEntries(
    Object.values(SEARCH_ATTRIBUTES).map(({ name, type }) => [name, TYPES[type]]),
  );
  const check = (answer: () => Promise<{ customAttributes: Record<string, number> }>) =>
    requireSearchAttributes(
      { operatorService: { listSearchAttributes: answer } } as unknown as NativeConnection,
      WHERE,
    );
  const registered = (customAttributes: Record<string, number>) =>
    check(() => Promise.resolve({ customAttributes }));
  const refused = (code: number) =>
    check(() => Promise.reject(Object.assign(new Error('refused'), { code })));

  it('is content when all are there, and others too', async () => {
    expect(await registered({ ...all, Another: 1 })).toBeUndefined();
  });

  it('names only what is missing', async () => {
    const { HoldfastPolicy: _, HoldfastResource: __, ...rest } = all;
    const missing = registered(rest);
    await expect(missing).rejects.toBeInstanceOf(ConfigError);
    await expect(missing).rejects.toThrow(
      /: temporal operator search-attribute create --namespace prod --address here:7233 --name HoldfastPolicy --type Keyword --name HoldfastResource --type KeywordList$/,
    );
  });

  it('does not take a text for a keyword', async () => {
    await expect(registered({ ...all, HoldfastPhase: 1 })).rejects.toThrow(
      /HoldfastPhase .* remove it with: temporal operator search-attribute remove .* --name HoldfastPhase$/,
    );
  });

  it('says that the namespace does not exist', async () => {
    await expect(refused(5)).rejects.toThrow(/^TEMPORAL_NAMESPACE: there is no namespace prod at here:7233/);
  });

  it.each([7, 12])(
    'goes on where it may not look (gRPC status %d), and says what must exist',
    async (code) => {
      expect(await refused(code)).toMatch(/^temporal operator search-attribute create .*HoldfastOutcome/);
    },
  );

  it('does not hide other failures', async () => {
    await expect(refused(14)).rejects.toThrow('refused');
  });
});
