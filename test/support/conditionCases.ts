import type { RequestContext } from '../../src/model/iam/context';
import type { Truth } from '../../src/model/iam/truth';

/** What the pages of IAM say of a condition; the model and the local AWS are both held to it. */
export interface ConditionCase {
  says: string;
  condition: object;
  context: RequestContext;
  truth: Truth;
}

const KEY = 'aws:PrincipalTag/team';
const ROLE = 'arn:aws:iam::111122223333:role/ops/migrate';

/** One operator on one key, by the values that the request has and the verdict. */
const of = (
  operator: string,
  wanted: unknown,
  ...verdicts: [value: RequestContext[string], truth: Truth][]
): ConditionCase[] =>
  verdicts.map(([value, truth]) => ({
    says: `${operator} ${JSON.stringify(wanted)} of ${value === undefined ? 'what nobody knows' : JSON.stringify(value)} is ${truth}`,
    condition: { [operator]: { [KEY]: wanted } },
    context: { [KEY.toLowerCase()]: value },
    truth,
  }));

const whole = (says: string, condition: object, context: RequestContext, truth: Truth): ConditionCase => ({
  says,
  condition,
  context,
  truth,
});

const strings: ConditionCase[] = [
  ...of(
    'StringEquals',
    'data',
    ['data', true],
    ['Data', false],
    ['', false],
    [null, false],
    [undefined, 'unknown'],
  ),
  ...of('StringEquals', ['data', 'web'], ['web', true], ['ops', false]),
  ...of('StringEquals', 'd*', ['d*', true], ['data', false]),
  ...of('StringEquals', [], ['data', false]),
  ...of('StringEquals', 'domain\\user', ['domain\\user', true]),
  ...of('StringNotEquals', 'data', ['data', false], ['web', true], [null, true], [undefined, 'unknown']),
  ...of('StringNotEquals', ['data', 'web'], ['web', false], ['ops', true]),
  ...of('StringEqualsIgnoreCase', 'Data', ['dATA', true], ['web', false]),
  ...of('StringNotEqualsIgnoreCase', 'Data', ['dATA', false], ['web', true], [null, true]),
  ...of(
    'StringLike',
    'ec2.*.amazonaws.com',
    ['ec2.eu-west-1.amazonaws.com', true],
    ['ec2.amazonaws.com', false],
  ),
  ...of('StringLike', 'ec2.*', ['ec2xeu', false], ['ec2.', true]),
  ...of('StringLike', 'i-????', ['i-12ab', true], ['i-12abc', false], ['i-12a', false]),
  ...of('StringLike', '*a*b*', ['xxaxxbxx', true], ['ab', true], ['ba', false]),
  ...of('StringLike', ['', 'home/'], ['', true], ['home/', true], ['home', false]),
  ...of('StringLike', '[a-c](.+)$', ['[a-c](.+)$', true], ['a(b)', false]),
  ...of('StringLike', 'C:\\*', ['C:\\data', true], ['C:data', false]),
  ...of('StringLike', 'a\\?', ['a\\b', true], ['a?', false]),
  ...of('StringLike', 'one*', ['one\ntwo', true]),
  ...of('StringNotLike', 'dev*', ['develop', false], ['prod', true], [null, true]),
];

const others: ConditionCase[] = [
  ...of(
    'NumericEquals',
    '10',
    ['10', true],
    ['10.0', true],
    ['11', false],
    [null, false],
    ['ten', 'unknown'],
  ),
  ...of('NumericEquals', 10, ['10', true]),
  ...of('NumericNotEquals', '10', ['10', false], ['9', true], [null, true]),
  ...of('NumericLessThan', '10', ['9', true], ['10', false], ['-5.5', true]),
  ...of('NumericLessThanEquals', '10', ['10', true], ['100', false]),
  ...of('NumericGreaterThan', '10', ['100', true], ['9', false], ['10', false]),
  ...of('NumericGreaterThanEquals', '10', ['10', true], ['9.99', false]),
  ...of('NumericNotLessThan', '10', ['9', 'unknown']),
  ...of(
    'DateGreaterThan',
    '2020-01-01T00:00:01Z',
    ['2020-01-01T00:00:02Z', true],
    ['2020-01-01T00:00:01Z', false],
  ),
  ...of('DateLessThan', '2030-01-01', ['2026-03-29T01:00:00Z', true], ['2031-01-01', false], [null, false]),
  ...of('DateEquals', '2020-01-01T01:00:00+01:00', ['2020-01-01T00:00:00Z', true], ['1577836800', true]),
  ...of('DateNotEquals', '2020-01', ['2020-01-01T00:00:00Z', false], ['2020-02-01T00:00:00Z', true]),
  ...of('DateLessThanEquals', '1577836800', ['2020-01-01T00:00:00Z', true], ['2020-01-01T00:00:01Z', false]),
  ...of('DateGreaterThanEquals', '2020-01-01', ['2020-01-01', true], ['yesterday', 'unknown']),
  ...of('DateLessThan', '2030', ['2026-03-29T01:00:00Z', 'unknown']),
  ...of('Bool', 'true', ['true', true], ['false', false], [null, false], [undefined, 'unknown']),
  ...of('Bool', true, ['true', true], ['True', true], ['false', false]),
  ...of('Bool', 'false', ['false', true], ['true', false], [null, false]),
  ...of('BinaryEquals', 'QmluYXJ5', ['QmluYXJ5', true], ['QmluYXJ6', false], [null, false]),
  ...of('BinaryEquals', 'QQ==', ['QQ==', true], ['QUE=', false], ['QQ', 'unknown']),
  ...of('IpAddress', '203.0.113.0/24', ['203.0.113.255', true], ['203.0.114.0', false], [null, false]),
  ...of('IpAddress', '203.0.113.7', ['203.0.113.7', true], ['203.0.113.8', false]),
  ...of('IpAddress', '203.0.113.77/24', ['203.0.113.1', true]),
  ...of('IpAddress', '0.0.0.0/0', ['8.8.8.8', true], ['2001:db8::1', false]),
  ...of('IpAddress', '10.0.0.0/33', ['10.0.0.1', 'unknown']),
  ...of('IpAddress', '10.0.0.0/8', ['example', 'unknown'], ['10.0.0.256', 'unknown']),
  ...of(
    'IpAddress',
    ['203.0.113.0/24', '2001:DB8:1234:5678::/64'],
    ['2001:db8:1234:5678:9::1', true],
    ['2001:db8:1234:5679::1', false],
    ['203.0.113.9', true],
  ),
  ...of('IpAddress', '::ffff:0:0/96', ['::ffff:192.0.2.1', true], ['::fffe:192.0.2.1', false]),
  ...of('IpAddress', '::1', ['0:0:0:0:0:0:0:1', true], ['::2', false], ['1::2::3', 'unknown']),
  ...of('NotIpAddress', '10.0.0.0/8', ['10.1.2.3', false], ['11.1.2.3', true], [null, true]),
  ...of('Null', 'true', [null, true], ['data', false], [[], true], [undefined, 'unknown'], ['', 'unknown']),
  ...of('Null', 'false', [null, false], ['data', true], [['a', 'b'], true]),
  ...of('Null', true, [null, true]),
  ...of('Null', ['true', 'false'], [null, true], ['data', true]),
  ...of('NullIfExists', 'true', ['data', 'unknown']),
  ...of('StringMatches', 'data', ['data', 'unknown']),
];

const arns: ConditionCase[] = [
  ...of('ArnEquals', ROLE, [ROLE, true], [`${ROLE}2`, false], [null, false], ['migrate', false]),
  ...of('ArnLike', 'arn:aws:iam::*:role/*', [ROLE, true], ['arn:aws:iam::111122223333:user/ops', false]),
  ...of('ArnEquals', 'arn:aws:iam::111122223333:role/*', [ROLE, true]),
  ...of('ArnNotLike', 'arn:aws:iam::*:role/*', [ROLE, false], ['arn:aws:iam::1:user/x', true], [null, true]),
  ...of('ArnNotEquals', ROLE, [ROLE, false], [`${ROLE}2`, true]),
  // The page's own example: an asterisk ends at a colon, but for the last part.
  ...of('ArnLike', 'arn:aws:someservice:*:111122223333:finance/*', [
    'arn:aws:someservice:us-east-2:999999999999:store/abc:111122223333:finance/document.txt',
    false,
  ]),
  ...of('StringLike', 'arn:aws:someservice:*:111122223333:finance/*', [
    'arn:aws:someservice:us-east-2:999999999999:store/abc:111122223333:finance/document.txt',
    true,
  ]),
  ...of('ArnLike', 'arn:aws:logs:*:*:log-group:*', [
    'arn:aws:logs:eu-west-1:1:log-group:a:log-stream:b',
    true,
  ]),
  // No ARN at all: the page leaves open what that matches.
  ...of('ArnLike', '*:role/ops/*', [ROLE, 'unknown'], ['arn:aws:iam::111122223333:role/web', false]),
  ...of('ArnLike', '*', [ROLE, 'unknown']),
];

const suffixesAndSets: ConditionCase[] = [
  ...of('StringEqualsIfExists', 'data', ['data', true], ['web', false], [null, true], [undefined, 'unknown']),
  ...of('StringNotEqualsIfExists', 'data', ['data', false], [null, true]),
  ...of('BoolIfExists', 'true', ['true', true], ['false', false], [null, true]),
  ...of('NumericLessThanIfExists', '10', ['9', true], ['11', false], [null, true]),
  ...of('IpAddressIfExists', '10.0.0.0/8', ['10.1.1.1', true], ['11.1.1.1', false], [null, true]),
  ...of('ArnLikeIfExists', 'arn:aws:iam::*:role/*', [ROLE, true], [null, true]),
  ...of(
    'ForAllValues:StringEquals',
    ['PostDateTime', 'Message', 'Tags'],
    [['PostDateTime', 'Message'], true],
    [['PostDateTime', 'UserName'], false],
    [[], true],
    [null, true],
    ['', true],
    [undefined, 'unknown'],
  ),
  ...of(
    'ForAnyValue:StringEquals',
    ['ID', 'PostDateTime'],
    [['UserName', 'Message', 'PostDateTime'], true],
    [['UserName'], false],
    [[], false],
    [null, false],
    ['', false],
    [undefined, 'unknown'],
  ),
  ...of('ForAllValues:StringLike', 'key1*', [['key1', 'key12'], true], [['key1', 'key2'], false]),
  ...of('ForAllValues:StringNotEquals', 'a', [['b', 'c'], true], [['a', 'b'], false], [null, true]),
  ...of('ForAnyValue:StringNotEquals', 'a', [['a', 'b'], true], [['a'], false], [null, false]),
  ...of('ForAllValues:ArnLike', 'arn:aws:iam::*:role/*', [[ROLE, ROLE], true]),
  ...of('ForAllValues:StringEqualsIfExists', 'a', [null, true], [['b'], false]),
  ...of('ForAnyValue:StringEqualsIfExists', 'a', [['a'], true], [['b'], false], [null, 'unknown']),
  ...of('StringEquals', 'a', [['a'], true], [['a', 'b'], 'unknown'], [[], false]),
];

const USER = { 'aws:username': 'ada', 'aws:principalarn': ROLE, 'aws:sourceidentity': null };
const of4 = (says: string, operator: string, wanted: string, value: string, truth: Truth): ConditionCase =>
  whole(says, { [operator]: { 's3:prefix': wanted } }, { ...USER, 's3:prefix': value }, truth);

const variables: ConditionCase[] = [
  of4('a variable', 'StringLike', 'home/${aws:username}/*', 'home/ada/x', true),
  of4('a variable of somebody else', 'StringLike', 'home/${aws:username}/*', 'home/bob/x', false),
  of4('a variable in any case', 'StringEquals', '${AWS:UserName}', 'ada', true),
  of4('a variable that is known, with a default', 'StringEquals', "${aws:username, 'nobody'}", 'ada', true),
  of4('the default of one without a value', 'StringEquals', "${aws:SourceIdentity, 'none'}", 'none', true),
  of4('a default that is not asked for', 'StringEquals', "${aws:username, 'none'}", 'none', false),
  of4('a variable without a value', 'StringLike', '${aws:SourceIdentity}*', 'x', false),
  of4('a variable without a value, negated', 'StringNotLike', '${aws:SourceIdentity}*', 'x', true),
  of4('a variable that nobody knows', 'StringLike', 'home/${aws:userid}/*', 'home/ada/x', 'unknown'),
  of4('a variable that nobody knows, with a default', 'StringEquals', "${aws:userid, 'x'}", 'x', 'unknown'),
  of4('what no value of it matches', 'StringLike', 'home/${aws:userid}/*', 'work/ada/x', false),
  of4('what no value of it matches, negated', 'StringNotLike', 'home/${aws:userid}/*', 'work/ada/x', true),
  of4('an asterisk that is one', 'StringLike', 'a${*}c', 'a*c', true),
  of4('an asterisk that is no wildcard', 'StringLike', 'a${*}c', 'abc', false),
  of4('a question mark that is one', 'StringLike', 'a${?}c', 'a?c', true),
  of4('a question mark that is no wildcard', 'StringLike', 'a${?}c', 'abc', false),
  of4('a dollar', 'StringEquals', '${$}{aws:username}', '${aws:username}', true),
  of4('a special character without wildcards', 'StringEquals', 'a${*}', 'a*', true),
  of4('an ARN of a variable', 'ArnEquals', '${aws:PrincipalArn}', ROLE, true),
  of4('a part of an ARN', 'ArnLike', 'arn:aws:iam::*:user/${aws:username}', 'arn:aws:iam::1:user/ada', true),
  of4(
    'a part that nobody knows',
    'ArnLike',
    'arn:aws:iam::*:user/${aws:userid}',
    'arn:aws:iam::1:user/a',
    'unknown',
  ),
  of4(
    'an account that nobody knows',
    'ArnLike',
    'arn:aws:iam::${aws:x}:user/a',
    'arn:aws:iam::1:user/a',
    'unknown',
  ),
  of4('a variable without an end', 'StringEquals', '${aws:username', 'ada', false),
];

const together: ConditionCase[] = [
  whole('nothing holds always', {}, {}, true),
  whole(
    'names are in any case',
    { Bool: { 'AWS:SecureTransport': 'true' } },
    { 'aws:securetransport': 'true' },
    true,
  ),
  whole('all operators', { Bool: { a: 'true' }, StringEquals: { b: 'x' } }, { a: 'true', b: 'x' }, true),
  whole('all keys of one', { StringEquals: { a: 'x', b: 'y' } }, { a: 'x', b: 'z' }, false),
  whole('one that fails is enough', { StringEquals: { a: 'x', b: 'y' } }, { a: 'z' }, false),
  whole('one that is not known', { StringEquals: { a: 'x', b: 'y' } }, { a: 'x' }, 'unknown'),
  whole('a key like a method of objects', { StringEquals: { constructor: 'x' } }, {}, 'unknown'),
  whole('an operator like one', { toString: { a: 'x' } }, { a: 'x' }, 'unknown'),
];

export const CONDITION_CASES: readonly ConditionCase[] = [
  ...strings,
  ...others,
  ...arns,
  ...suffixesAndSets,
  ...variables,
  ...together,
];
