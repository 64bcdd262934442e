import { sessionCredentials } from '../../../src/aws/sessionCredentials';

const MINUTE = 60_000;

describe('sessionCredentials', () => {
  let now = 0;
  let asked = 0;
  const assume = (): Promise<{ accessKeyId: string; secretAccessKey: string; expiration: Date }> => {
    asked += 1;
    return Promise.resolve({
      accessKeyId: `key-${asked}`,
      secretAccessKey: 'secret',
      expiration: new Date(now + 60 * MINUTE),
    });
  };

  beforeEach(() => {
    now = 1_000_000;
    asked = 0;
  });

  it('asks once, however many ask together', async () => {
    const session = sessionCredentials(assume, () => now);
    const all = await Promise.all([session(), session(), session()]);
    expect(all.map(({ accessKeyId }) => accessKeyId)).toEqual(['key-1', 'key-1', 'key-1']);
  });

  it('refreshes before the session expires, once', async () => {
    const session = sessionCredentials(assume, () => now);
    await session();
    now += 53 * MINUTE;
    expect((await session()).accessKeyId).toBe('key-1');
    now += 2 * MINUTE;
    const all = await Promise.all([session(), session()]);
    expect(all.map(({ accessKeyId }) => accessKeyId)).toEqual(['key-2', 'key-2']);
  });

  it('does not remember a refusal', async () => {
    let refuse = true;
    const session = sessionCredentials(
      () => (refuse ? Promise.reject(new Error('denied')) : assume()),
      () => now,
    );
    await expect(session()).rejects.toThrow('denied');
    refuse = false;
    expect((await session()).accessKeyId).toBe('key-1');
  });

  it('keeps credentials that do not expire', async () => {
    const session = sessionCredentials(
      async () => ({ ...(await assume()), expiration: undefined }),
      () => now,
    );
    await session();
    now += 1_000 * 60 * MINUTE;
    expect((await session()).accessKeyId).toBe('key-1');
  });
});
