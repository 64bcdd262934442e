import { lockProblem, lockSchema } from '../../../src/model/points/lock';

const refused = (lock: object) =>
  lockSchema.safeParse({ mode: 'compliance', ...lock }).error?.issues.map(({ message }) => message) ?? [];

describe('snapshot locks', () => {
  it.each(['1d', '36500d', '99y', '1170mo', '7y'])('take what EBS takes: %s', (text) => {
    expect(refused({ for: text })).toEqual([]);
  });

  it.each(['36501d', '100y', '1300mo', '99999y', 'forever'])('refuse what is longer: %s', (text) => {
    expect(refused({ for: text })).toEqual([expect.stringMatching(/at most 36500 days/)]);
  });

  it.each(['23h', '60m'])('refuse what is shorter than a day: %s', (text) => {
    expect(refused({ for: text })).toEqual(['EBS locks for a day at least']);
  });

  it.each(['30m', '90m', '73h', '4d'])('refuse a cool-off that EBS does not know: %s', (coolOff) => {
    expect(refused({ coolOff })).toEqual(['must be 1h to 3d, in hours']);
  });

  it('have to be said where the retention, which they would take, is longer', () => {
    expect(lockProblem({ mode: 'compliance' }, { keep: '120y' })).toMatch(/^for: say how long.*36500 days/);
    expect(lockProblem({ mode: 'compliance' }, { keep: '90d' })).toBeUndefined();
    expect(lockProblem({ mode: 'compliance', for: '7y' }, { keep: '120y' })).toBeUndefined();
  });
});
