import { execFileSync } from 'node:child_process';
import path from 'node:path';
import { conditionHolds } from '../../src/model/iam/conditions';
import type { RequestContext } from '../../src/model/iam/context';
import { CONDITION_CASES } from '../support/conditionCases';
import { pythonProgram, ROOT } from '../support/paths';

const ASK = `
import json, sys
from awsplus.iam.conditions import condition_holds
print(json.dumps([condition_holds(condition, context) for condition, context in json.load(sys.stdin)]))`;

interface Asked {
  condition: object;
  context: RequestContext;
}

/** The local AWS's own evaluator: it takes a key that it does not get for absent, and knows no `unknown`. */
function locally(asked: readonly Asked[]): boolean[] {
  const present = (context: RequestContext) =>
    Object.fromEntries(Object.entries(context).filter(([, value]) => value !== null));
  const input = JSON.stringify(asked.map(({ condition, context }) => [condition, present(context)]));
  const options = { input, cwd: path.join(ROOT, 'local/aws'), maxBuffer: 2 ** 26 };
  return JSON.parse(execFileSync(pythonProgram('python'), ['-c', ASK], options).toString()) as boolean[];
}

const KEY = 'a';
const VALUES = [
  ...['', 'data', 'Data', 'a*c', '10', '9.5', '-1', '1577836800', 'true', 'false', 'QQ=='],
  ...[
    '2020-01-01',
    '2020-01-01T00:00:00Z',
    '2020-01-01T01:00:00+01:00',
    '10.1.2.3',
    '2001:db8::1',
    '::ffff:1.2.3.4',
  ],
  ...['arn:aws:iam::111122223333:role/ops', 'arn:aws:logs:eu-west-1:1:log-group:a:b', 'arn:aws:s3:::bucket'],
];
const PATTERNS = [
  ...['*', 'd?ta', 'a${*}c', "${none, 'data'}", '10.0.0.0/8', '2001:DB8::/32', '::ffff:0:0/96'],
  ...['arn:aws:iam::*:role/*', 'arn:aws:logs:*:*:log-group:*', 'arn:*'],
];
const NAMES = [
  ...['Equals', 'EqualsIgnoreCase', 'Like'].flatMap((each) => [`String${each}`, `StringNot${each}`]),
  ...['Numeric', 'Date'].flatMap((kind) =>
    ['Equals', 'NotEquals', 'LessThan', 'LessThanEquals', 'GreaterThan', 'GreaterThanEquals'].map(
      (each) => `${kind}${each}`,
    ),
  ),
  ...[
    'ArnEquals',
    'ArnLike',
    'ArnNotEquals',
    'ArnNotLike',
    'Bool',
    'BinaryEquals',
    'IpAddress',
    'NotIpAddress',
  ],
];

function everything(): Asked[] {
  const contexts = [null, [], ...VALUES, ['data', '10'], ['true', '']];
  return NAMES.flatMap((name) => [name, `${name}IfExists`])
    .flatMap((name) => [name, `ForAllValues:${name}`, `ForAnyValue:${name}`])
    .flatMap((name) =>
      [...VALUES, ...PATTERNS].flatMap((wanted) =>
        contexts.map((value) => ({
          condition: { [name]: { [KEY]: wanted } },
          context: { [KEY]: value, none: null },
        })),
      ),
    );
}

describe('the conditions of policies at the local AWS', () => {
  it('are what the pages say wherever all values are known', () => {
    const known = CONDITION_CASES.filter(({ truth }) => truth !== 'unknown');
    const answers = locally(known);
    const others = known.filter(({ truth }, at) => truth !== answers[at]);
    expect(others.map(({ says }) => says)).toEqual([]);
  });

  it('are what the model says of every operator, pattern and value, but where it leaves that open', () => {
    const asked = everything();
    const answers = locally(asked);
    const others = asked.filter(({ condition, context }, at) => {
      const truth = conditionHolds(condition, context, '2012-10-17');
      return truth !== 'unknown' && truth !== answers[at];
    });
    expect(asked.length).toBeGreaterThan(50_000);
    expect(others.slice(0, 20)).toEqual([]);
  });
});
