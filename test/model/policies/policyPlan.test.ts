import { changesOf, planProblems, runTimes } from '../../../src/model/policies/policyPlan';
import type { NormalizedPolicy } from '../../../src/model/policies/policy';
import type { TargetSurvey } from '../../../src/model/policies/survey';

const HOUR = 3_600_000;
const target = { accountId: '111111111111', region: 'us-east-1' };
const other = { ...target, region: 'us-west-2' };

const policy = (more: Partial<NormalizedPolicy> = {}): NormalizedPolicy => ({
  schemaVersion: 1,
  policyName: 'p',
  frequencyMs: 4 * HOUR,
  retention: { keep: '30d' },
  timezone: 'UTC',
  selector: { tags: { all: { a: 'b' } } },
  targets: [target],
  rpoMs: 8 * HOUR,
  minKeep: 3,
  paused: false,
  copies: [],
  hash: 'h',
  ...more,
});
const survey = (volumes: number, where = target): TargetSurvey => ({
  target: where,
  instances: volumes,
  volumesAlone: 0,
  volumes,
  gib: volumes,
  unprotected: { items: [], total: 0, truncated: false },
});
const copies = [{ toRegion: 'eu-west-1', retention: { keep: '30d' } }];

describe('a plan', () => {
  it('reckons with 100 pending snapshots an account and region', () => {
    expect(runTimes(policy(), [survey(10_000)]).completeMs).toBe(200 * 60_000);
    expect(runTimes(policy(), [survey(100), survey(101, other)]).completeMs).toBe(4 * 60_000);
  });

  it('reckons with 20 copies an account and region, which all targets of the account share', () => {
    const times = runTimes(policy({ copies }), [survey(30), survey(30, other)]);
    expect(times.copiedMs - times.completeMs).toBe(9 * 60_000);
  });

  it('finds nothing wrong where all comes out', () => {
    expect(planProblems(policy({ copies }), [survey(100)])).toEqual([]);
  });

  it('says the sum where the RPO cannot be met', () => {
    const [problem] = planProblems(policy({ rpoMs: 6 * HOUR }), [survey(10_000)]);
    expect(problem).toBe(
      'rpo: 6 h cannot be met: 4 h between runs and 3 h 20 min until 10000 snapshots are complete, 100 at a time, make 7 h 20 min',
    );
  });

  it('says that a run takes longer than the time to the next', () => {
    const problems = planProblems(policy({ frequencyMs: 2 * HOUR, rpoMs: 48 * HOUR }), [survey(10_000)]);
    expect(problems).toEqual([expect.stringMatching(/^frequency: a run takes 3 h 20 min at least/)]);
  });

  it('says that copies would only queue up', () => {
    const problems = planProblems(policy({ copies, rpoMs: 48 * HOUR }), [survey(2_000)]);
    expect(problems).toEqual([
      expect.stringMatching(/^copies: those of a run take 5 h at least, 20 at a time/),
    ]);
  });

  it('says that nothing is selected', () => {
    expect(planProblems(policy(), [survey(0)])).toEqual(['selector: it selects nothing in any target']);
  });

  it('names the fields that change', () => {
    expect(changesOf(policy(), policy())).toEqual([]);
    expect(changesOf(policy(), policy({ retention: { keep: '60d' }, copies }))).toEqual([
      'retention: {"keep":"30d"} → {"keep":"60d"}',
      'copies: [] → [{"toRegion":"eu-west-1","retention":{"keep":"30d"}}]',
    ]);
  });
});
