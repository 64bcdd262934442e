import { formatHookMark, hooksSchema, parseHookMark } from '../../../src/model/machines/hooks';
import { parseInput } from '../../../src/model/input';
import { createBackupPolicyInput, type NormalizedPolicy } from '../../../src/model/policies/policy';
import { changesOf } from '../../../src/model/policies/policyPlan';

const step = (line: string) => ({ commands: [line] });
const FREEZE = { pre: step('fsfreeze -f /data'), post: step('fsfreeze -u /data') };

describe('hooks of a policy', () => {
  const parse = (hooks: unknown, more: object = {}) =>
    parseInput(createBackupPolicyInput, {
      policyName: 'p',
      frequency: '4h',
      retention: '30d',
      hooks,
      ...more,
    });

  it('have two minutes a step, and no point where the guest does not come to rest', () => {
    expect(hooksSchema.parse(FREEZE)).toEqual({
      pre: { commands: ['fsfreeze -f /data'], timeout: '2m' },
      post: { commands: ['fsfreeze -u /data'], timeout: '2m' },
      onFailure: 'abort',
      vss: false,
    });
  });

  it.each<[string, unknown]>([
    ['commands', FREEZE],
    ['a document', { pre: { document: 'My-Freeze', parameters: { Path: ['/data'] } }, post: step('true') }],
    ['an ARN', { ...FREEZE, pre: { document: 'arn:aws:ssm:us-east-1:123456789012:document/My-Freeze' } }],
    ['VSS alone', { vss: true }],
    ['VSS for Windows and commands for the others', { ...FREEZE, vss: true, onFailure: 'crashConsistent' }],
  ])('may be %s', (_, hooks) => {
    expect(parse(hooks)).toMatchObject({ ok: true });
  });

  it.each<[string, unknown, RegExp]>([
    ['no post', { pre: step('x') }, /^hooks\.post: say how to thaw what pre freezes/],
    ['no pre', { post: step('x') }, /^hooks\.pre: post only follows pre/],
    ['nothing', {}, /^hooks: say pre and post, or vss: true/],
    ['nothing to run', { ...FREEZE, pre: {} }, /^hooks\.pre: say what to run: either commands or a document/],
    ['both forms', { ...FREEZE, pre: { ...step('x'), document: 'abc' } }, /^hooks\.pre: say what to run/],
    ['no command', { ...FREEZE, pre: { commands: [] } }, /^hooks\.pre\.commands: name at least one/],
    ['an empty command', { ...FREEZE, pre: step('') }, /^hooks\.pre\.commands\[0\]: an empty command/],
    [
      'parameters of no document',
      { ...FREEZE, pre: { ...step('x'), parameters: {} } },
      /parameters belong to/,
    ],
    [
      'a strange document',
      { ...FREEZE, post: { document: 'a b' } },
      /^hooks\.post\.document: the name or ARN/,
    ],
    [
      'a long freeze',
      { ...FREEZE, pre: { ...step('x'), timeout: '2h' } },
      /^hooks\.pre\.timeout: at most 1h/,
    ],
    ['no duration', { ...FREEZE, pre: { ...step('x'), timeout: '9' } }, /^hooks\.pre\.timeout: not a length/],
    ['another answer', { ...FREEZE, onFailure: 'ignore' }, /^hooks\.onFailure: abort or crashConsistent/],
    ['an unknown key', { ...FREEZE, before: step('x') }, /^hooks\.before: not a field of this input/],
  ])('with %s are refused, and it is said what to write', (_, hooks, says) => {
    const result = parse(hooks);
    expect(result).toMatchObject({ ok: false });
    expect(result).toHaveProperty('problems', expect.stringMatching(says));
  });

  it('cannot have VSS where data volumes are left out: the document takes them all', () => {
    const without = { selector: { tags: { all: { a: 'b' } }, exclude: { dataVolumes: true } } };
    expect(parse(FREEZE, without)).toMatchObject({ ok: true });
    const result = parse({ vss: true }, without);
    expect(result).toHaveProperty(
      'problems',
      expect.stringMatching(/^hooks: vss: .*remove exclude\.dataVolumes/),
    );
  });

  it('are a change to the policy', () => {
    const policy = (hooks?: object) => ({ hooks }) as NormalizedPolicy;
    expect(changesOf(policy(), policy(FREEZE))).toEqual([`hooks: nothing → ${JSON.stringify(FREEZE)}`]);
  });
});

describe('the mark of a command', () => {
  it('fits into a comment and says whose it is', () => {
    const mark = { recoveryPointId: 'rp-0123456789abcdef0', step: 'pre' as const, attempt: 9999 };
    expect(formatHookMark(mark).length).toBeLessThanOrEqual(100);
    expect(parseHookMark(formatHookMark(mark))).toEqual(mark);
  });

  it.each(['pre', 'post', 'pre-back', 'post-back', 'check10'] as const)(
    'is had by the %s of a migration',
    (of) => {
      const mark = { recoveryPointId: 'mig-0123456789abcdef0', step: of, attempt: 9999 };
      expect(parseHookMark(formatHookMark(mark))).toEqual(mark);
    },
  );

  it.each([
    '',
    'patching',
    'holdfast/rp-0/pre',
    'holdfast/rp-0/pre/x',
    'holdfast/rp-0/during/1',
    'holdfast/mig-0/vss-back/1',
  ])('is not in %j', (comment) => {
    expect(parseHookMark(comment)).toBeUndefined();
  });
});
