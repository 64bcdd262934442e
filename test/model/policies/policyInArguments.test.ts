import { readFileSync } from 'node:fs';
import path from 'node:path';
import { policyInArguments } from '../../../src/model/policies/policy';

const HISTORY = path.join(__dirname, '../../replay/histories/0.1.0/createBackupPolicy.succeeded.json');

interface Event {
  activityTaskCompletedEventAttributes?: { result: { payloads: { data?: string }[] } };
}

/** What 0.1.0 wrote into Schedules, out of a run of its own. */
function written(): { policyName: string } {
  const { events } = JSON.parse(readFileSync(HISTORY, 'utf8')) as { events: Event[] };
  const results = events.flatMap(
    ({ activityTaskCompletedEventAttributes: done }) => done?.result.payloads ?? [],
  );
  const decoded = results.flatMap(({ data }) =>
    data === undefined ? [] : (JSON.parse(Buffer.from(data, 'base64').toString()) as object),
  );
  const isPolicy = (result: object): result is { policyName: string } =>
    typeof result === 'object' && 'frequencyMs' in result;
  return decoded.find(isPolicy) ?? { policyName: 'nothing was written' };
}

describe('the policy that a Schedule carries', () => {
  const policy = written();

  it('is read as 0.1.0 wrote it', () => {
    expect(policyInArguments(policy.policyName, [policy])).toMatchObject(policy);
  });

  it.each<[string, unknown[]]>([
    ['no argument', []],
    ['null', [null]],
    ['text', ['critical']],
    ['a policy without targets', [{ ...policy, targets: [] }]],
    ['a policy with a field of another kind', [{ ...policy, frequencyMs: '4h' }]],
    ['another policy', [{ ...policy, policyName: 'another' }]],
  ])('is none where it carries %s', (_, args) => {
    expect(policyInArguments(policy.policyName, args)).toBeUndefined();
  });
});
