import { saying } from '../../../src/cli/waiting';

describe('what a command says while it waits', () => {
  beforeEach(() => jest.useFakeTimers());
  afterEach(() => jest.useRealTimers());

  const screen = (isTTY: boolean) => {
    const written: string[] = [];
    return { written, isTTY, write: (text: string) => written.push(text) };
  };
  const after = (ms: number) => () => new Promise<string>((resolve) => setTimeout(resolve, ms, 'done'));

  it('counts in one line on a terminal, which is gone afterwards', async () => {
    const terminal = screen(true);
    const waited = saying('planning critical', after(2_500), terminal);
    await jest.advanceTimersByTimeAsync(2_500);
    await expect(waited).resolves.toBe('done');
    expect(terminal.written).toEqual([
      '\r\u001B[Kplanning critical … 0 s',
      '\r\u001B[Kplanning critical … 1 s',
      '\r\u001B[Kplanning critical … 2 s',
      '\r\u001B[K',
    ]);
  });

  it('is silent elsewhere, unless it takes long', async () => {
    const log = screen(false);
    const waited = saying('planning critical', after(31_000), log);
    await jest.advanceTimersByTimeAsync(14_000);
    expect(log.written).toEqual([]);
    await jest.advanceTimersByTimeAsync(17_000);
    await waited;
    expect(log.written).toEqual([
      'holdfast: still planning critical after 15 s\n',
      'holdfast: still planning critical after 30 s\n',
    ]);
  });

  it('stops saying it when the work fails', async () => {
    const terminal = screen(true);
    const failed = saying('planning critical', () => Promise.reject(new Error('refused')), terminal);
    await expect(failed).rejects.toThrow('refused');
    await jest.advanceTimersByTimeAsync(60_000);
    expect(terminal.written).toHaveLength(2);
  });
});
