import { matchesTags, selectorSchema, tagFilters } from '../../src/model/selector';

describe('matchesTags', () => {
  const selector = {
    all: { env: ['prod', 'stage'] },
    any: { role: 'db', tier: 'critical' },
    not: { backup: 'no' },
  };
  it.each<[boolean, Record<string, string>]>([
    [true, { env: 'prod', role: 'db' }],
    [true, { env: 'stage', tier: 'critical', role: 'web' }],
    [false, { env: 'dev', role: 'db' }],
    [false, { env: 'prod' }],
    [false, { env: 'prod', role: 'db', backup: 'no' }],
    [true, { env: 'prod', role: 'db', backup: 'yes' }],
    [false, {}],
  ])('is %s for %j', (expected, tags) => expect(matchesTags(selector, tags)).toBe(expected));

  it('selects nothing where no tags were named', () =>
    expect(matchesTags(undefined, { env: 'prod' })).toBe(false));
});

describe('tagFilters', () => {
  it('narrows as far as EC2 can, and never further than the selector', () => {
    expect(tagFilters({ all: { env: 'prod' }, any: { role: 'db', tier: 'x' }, not: { a: 'b' } })).toEqual([
      { Name: 'tag:env', Values: ['prod'] },
      { Name: 'tag-key', Values: ['role', 'tier'] },
    ]);
  });
});

describe('selectorSchema', () => {
  it.each<[string, unknown]>([
    ['nothing', {}],
    ['an unknown field', { tags: { all: { a: 'b' } }, tag: 'x' }],
    ['not alone', { tags: { not: { a: 'b' } } }],
    ['a wrong id', { instanceIds: ['web-1'] }],
    ['an empty list', { volumeIds: [] }],
    [
      '5,000 tags',
      { tags: { all: Object.fromEntries(Array.from({ length: 5000 }, (_, i) => [`k${i}`, 'v'])) } },
    ],
  ])('refuses %s', (_, selector) => expect(selectorSchema.safeParse(selector).success).toBe(false));
});
