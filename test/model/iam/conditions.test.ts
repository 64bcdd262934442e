import { clausesOf, conditionHolds } from '../../../src/model/iam/conditions';
import { CONDITION_CASES } from '../../support/conditionCases';

const VERSION = '2012-10-17';

describe('a condition of a policy', () => {
  it.each(CONDITION_CASES)('$says', ({ condition, context, truth }) => {
    expect(conditionHolds(condition, context, VERSION)).toBe(truth);
  });

  it('is no condition where it is left out', () => {
    expect(conditionHolds(undefined, {}, VERSION)).toBe(true);
  });

  it.each(['2008-10-17', ''])('has no variables before %s ends', (version) => {
    const condition = { StringEquals: { a: '${aws:username}' } };
    expect(conditionHolds(condition, { a: '${aws:username}', 'aws:username': 'ada' }, version)).toBe(true);
    expect(conditionHolds(condition, { a: 'ada', 'aws:username': 'ada' }, version)).toBe(false);
  });

  it('is read clause by clause', () => {
    expect(
      clausesOf({ 'ForAnyValue:StringLikeIfExists': { 'aws:TagKeys': 'a' }, Bool: { b: [true] } }),
    ).toEqual([
      { set: 'ForAnyValue', operator: 'StringLike', ifExists: true, key: 'aws:TagKeys', wanted: ['a'] },
      { operator: 'Bool', ifExists: false, key: 'b', wanted: ['true'] },
    ]);
  });

  const OPERATORS = ['Equals', 'EqualsIgnoreCase', 'Like'].map((each) => `String${each}`);
  const values = ['data', 'Data', 'd*', '', null, ['data'], ['data', 'web'], [], undefined];

  it.each(OPERATORS)('%s is never true together with its negation, nor both false', (operator) => {
    for (const value of values)
      for (const wanted of ['data', 'd*', '*', '']) {
        const ask = (name: string) => conditionHolds({ [name]: { a: wanted } }, { a: value }, VERSION);
        const [is, isNot] = [ask(operator), ask(operator.replace('String', 'StringNot'))];
        expect(isNot).toBe(is === 'unknown' ? 'unknown' : !is);
      }
  });

  it('is unknown or the same once more is known', () => {
    for (const { condition, context, truth } of CONDITION_CASES)
      for (const key of Object.keys(context)) {
        const less = conditionHolds(condition, { ...context, [key]: undefined }, VERSION);
        expect(['unknown', truth]).toContain(less);
      }
  });

  it('is quick with the patterns of strangers', () => {
    const condition = { StringLike: { a: `${'a*'.repeat(60)}b` } };
    expect(conditionHolds(condition, { a: 'a'.repeat(2000) }, VERSION)).toBe(false);
  });
});
