import { keptTerms } from '../../../src/model/policies/existingPoints';
import type { NormalizedPolicy } from '../../../src/model/policies/policy';

const COPY = { toRegion: 'eu-west-1', retention: { keep: '90d' } };

function policy(more: Partial<NormalizedPolicy> = {}): NormalizedPolicy {
  const terms = { retention: { count: 100 }, minKeep: 3, copies: [COPY] };
  return { policyName: 'p', ...terms, ...more } as NormalizedPolicy;
}

describe('what a change of a policy says of the points that are there', () => {
  it.each<[string, NormalizedPolicy | undefined, NormalizedPolicy]>([
    ['nothing of a new policy', undefined, policy()],
    ['nothing where the terms stay', policy(), policy({ rpoMs: 1 })],
    ['nothing of copies that are new', policy({ copies: [] }), policy()],
    ['nothing of copies that are dropped', policy(), policy({ copies: [] })],
  ])('%s', (_, before, after) => {
    expect(keptTerms(before, after)).toEqual([]);
  });

  it('their terms, where the new ones are others', () => {
    expect(keptTerms(policy(), policy({ retention: { count: 2 } }))).toEqual([
      'retention: points that are there keep the terms that they were made with (the newest 100, minKeep 3); the new ones (the newest 2, minKeep 3) are those of points from the next run on',
    ]);
    expect(keptTerms(policy(), policy({ minKeep: 1 }))).toHaveLength(1);
    const copies = [{ ...COPY, retention: { keep: '7d' } }];
    expect(keptTerms(policy(), policy({ copies }))[0]).toMatch(/^copies to eu-west-1: .*\(90d\); .*\(7d\)/);
  });
});
