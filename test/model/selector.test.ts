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

  /** https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/Using_Filtering.html */
  describe('never ask for more than EC2 takes in one call', () => {
    const keys = (count: number, values: number) =>
      Object.fromEntries(
        Array.from({ length: count }, (_, k) => [
          `k${k}`,
          Array.from({ length: values }, (_v, v) => `v${v}`),
        ]),
      );
    const LIVING = { Name: 'instance-state-name', Values: ['pending', 'running', 'stopping', 'stopped'] };

    it.each([
      [1, 50],
      [4, 50],
      [5, 50],
      [50, 1],
      [50, 50],
    ])('with %i tags of %i values', (count, values) => {
      const all = keys(count, values);
      for (const selector of [{ all }, { all, any: keys(50, 50) }]) {
        const filters = tagFilters(selector, [LIVING]);
        expect(filters.length).toBeLessThanOrEqual(50);
        expect(filters.flatMap(({ Values }) => Values).length).toBeLessThanOrEqual(200);
        expect(filters).toContainEqual(LIVING);
        expect(selectorSchema.safeParse({ tags: selector }).success).toBe(true);
      }
    });

    it('ask for a tag with any value where its values do not fit', () => {
      const filters = tagFilters({ all: { ...keys(5, 50), env: 'prod' } });
      expect(
        filters.map(({ Name, Values }) => [Name, Values.length > 1 ? Values.length : Values[0]]),
      ).toEqual([
        ['tag:env', 'prod'],
        ['tag:k0', 50],
        ['tag:k1', 50],
        ['tag:k2', 50],
        ['tag:k3', '*'],
        ['tag:k4', '*'],
      ]);
    });
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
