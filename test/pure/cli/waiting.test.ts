import type { Operation } from '../../../src/client';
import { progressLine, sayDuring, watching } from '../../../src/cli/waiting';

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
    const waited = sayDuring('planning critical', after(2_500), terminal);
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
    const waited = sayDuring('planning critical', after(31_000), log);
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
    const failed = sayDuring('planning critical', () => Promise.reject(new Error('refused')), terminal);
    await expect(failed).rejects.toThrow('refused');
    await jest.advanceTimersByTimeAsync(60_000);
    expect(terminal.written).toHaveLength(2);
  });

  const operation = (ms: number) =>
    ({
      workflowId: 'some-run',
      result: after(ms),
      progress: () => Promise.resolve({ phase: 'Migrating', counts: { encrypted: 1, planned: 2 }, rows: [] }),
    }) as unknown as Operation<string>;

  it('shows on a terminal what a run is at', async () => {
    const terminal = screen(true);
    const watched = watching(operation(2_500), 'holdfast progress some-run', terminal);
    await jest.advanceTimersByTimeAsync(5_000);
    await expect(watched).resolves.toBe('done');
    expect(terminal.written).toContain('\r\u001B[KMigrating · 1 encrypted · 2 planned … 1 s');
    expect(terminal.written.at(-1)).toBe('\r\u001B[K');
  });

  it('says of what waits for a person what that is, in one line', () => {
    expect(
      progressLine({
        phase: 'Soaking',
        counts: {},
        rows: [],
        waitsFor: 'It waits for `commit`.\n\n```\nx\n```',
      }),
    ).toBe('Soaking · It waits for `commit`.');
  });

  it('at Ctrl-C stops watching, and says that the run goes on and how to look at it', async () => {
    const log = screen(false);
    const exit = jest.spyOn(process, 'exit').mockImplementation(() => undefined as never);
    const watched = watching(operation(100), 'holdfast progress some-run', log);
    process.emit('SIGINT');
    expect(exit).toHaveBeenCalledWith(130);
    expect(log.written).toEqual([
      'holdfast: stopped watching; some-run goes on. How it goes: holdfast progress some-run\n',
    ]);
    exit.mockRestore();
    await jest.advanceTimersByTimeAsync(100);
    await watched;
  });
});
