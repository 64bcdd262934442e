import { instantSchema, isBig, whyNoBackfill } from '../../../src/model/policies/backfill';

const at = (text: string) => new Date(text);
const MADE = at('2026-11-01T00:00:00Z');
const NOW = at('2026-11-26T12:00:00Z');

describe('slots that somebody asks to be run', () => {
  it.each([
    ['a day of them', '2026-11-20T00:00:00Z', '2026-11-21T00:00:00Z', undefined],
    [
      'an end before its beginning',
      '2026-11-21T00:00:00Z',
      '2026-11-20T00:00:00Z',
      /^from .* has to be before to/,
    ],
    ['no time at all', '2026-11-21T00:00:00Z', '2026-11-21T00:00:00Z', /has to be before/],
    ['what is still to come', '2026-11-26T00:00:00Z', '2026-11-27T00:00:00Z', /^to .* is in the future/],
    [
      'what was before the policy',
      '2001-01-01T00:00:00Z',
      '2026-11-02T00:00:00Z',
      /before the policy was made, at 2026-11-01/,
    ],
  ])('%s', (_, from, to, problem) => {
    const why = whyNoBackfill({ from: at(from), to: at(to), createdAt: MADE, now: NOW });
    if (problem) expect(why).toMatch(problem);
    else expect(why).toBeUndefined();
  });

  it('are many above a day', () => {
    const from = at('2026-11-20T00:00:00Z');
    expect(isBig({ from, to: at('2026-11-21T00:00:00Z') })).toBe(false);
    expect(isBig({ from, to: at('2026-11-21T00:00:01Z') })).toBe(true);
  });

  it.each(['2026-11-24T04:00:00Z', '2026-11-24T04:00:00.5+02:00'])('are written as %s', (text) => {
    expect(instantSchema.safeParse(text).success).toBe(true);
  });

  it.each(['1', '2026-11-24', '2026-11-24T04:00:00', '24.11.2026', '2026-02-30T04:00:00Z', 'yesterday'])(
    'are not written as %s',
    (text) => {
      expect(instantSchema.safeParse(text).error?.issues[0]?.message).toContain('ISO 8601 with its offset');
    },
  );
});
