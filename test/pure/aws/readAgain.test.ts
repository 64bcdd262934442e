import { isPlainRead, readAgain } from '../../../src/aws/readAgain';

/** What a read throws, try by try, before it answers; and how often it was asked. */
async function asked(
  failures: string[],
  { withinMs = 5_000, takesMs = 0, signal = undefined as AbortSignal | undefined } = {},
) {
  const left = [...failures];
  let calls = 0;
  const ask = async () => {
    calls += 1;
    await new Promise((resolve) => setTimeout(resolve, takesMs));
    const failure = left.shift();
    if (failure) throw new Error(failure);
    return 'answer';
  };
  const passes = (error: unknown) => (error as Error).message === 'passes';
  const end = await readAgain(ask, { passes, withinMs, signal }).catch(
    (error: unknown) => (error as Error).message,
  );
  return { end, calls };
}

describe('a read', () => {
  it.each([
    ['that is answered', [], { end: 'answer', calls: 1 }],
    ['that fails twice for what passes', ['passes', 'passes'], { end: 'answer', calls: 3 }],
    ['that fails three times', ['passes', 'passes', 'passes'], { end: 'passes', calls: 3 }],
    ['that is refused', ['denied'], { end: 'denied', calls: 1 }],
    ['that is refused at last', ['passes', 'denied'], { end: 'denied', calls: 2 }],
  ])('%s', async (_, failures, expected) => {
    expect(await asked(failures)).toEqual(expected);
  });

  it('is left to Temporal once it has taken its time', async () => {
    expect(await asked(['passes'], { takesMs: 100, withinMs: 150 })).toEqual({ end: 'passes', calls: 1 });
  });

  it('ends with its activity', async () => {
    const end = await asked(['passes'], { signal: AbortSignal.abort() });
    expect(end).toEqual({ end: 'The operation was aborted', calls: 1 });
  });

  it('is told by its name', () => {
    const actions = ['DescribeVolumes', 'GetSnapshotBlock', 'ListGrants', 'LookupEvents'];
    expect(actions.filter(isPlainRead)).toEqual(actions);
    expect(['CreateSnapshot', 'CopySnapshot', 'StartInstances', 'DeleteVolume'].filter(isPlainRead)).toEqual(
      [],
    );
  });
});
