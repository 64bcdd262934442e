import type { z } from 'zod';

type Issue = z.core.$ZodRawIssue;

/** What is wrong with a field whose schema has no words of its own, for somebody who knows JSON and not zod. */
export function inputWords(issue: Issue): string {
  switch (issue.code) {
    case 'invalid_type':
      return issue.input === undefined
        ? `missing; give ${described(issue.expected)}`
        : `must be ${described(issue.expected)}, and is ${valueOf(issue.input)}`;
    case 'invalid_value': {
      const values = issue.values.map((value) => JSON.stringify(value)).join(' or ');
      return issue.input === undefined ? `missing; write ${values}` : `must be ${values}`;
    }
    case 'too_small': {
      const minimum = Number(issue.minimum);
      if (isCounted(issue.origin) && minimum === 1) return 'must not be empty';
      return `must be at least ${minimum}${unitOf(issue.origin)}`;
    }
    case 'too_big':
      return `must be at most ${Number(issue.maximum)}${unitOf(issue.origin)}`;
    case 'not_multiple_of':
      return `must be a multiple of ${issue.divisor}`;
    case 'invalid_format':
      return `is not written as ${issue.format === 'regex' ? 'it has to be' : `a ${issue.format}`}`;
    case 'invalid_union':
      return 'has none of the forms that it can have; see the documentation of this field';
    case 'custom':
    case 'invalid_element':
    case 'invalid_key':
    case 'unrecognized_keys':
      return 'cannot be used as it is; see the documentation of this field';
  }
}

const TYPES: Record<string, string> = {
  string: 'a text in quotes',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
  array: 'a list, like ["…"]',
  object: 'an object, like {"…": …}',
  record: 'an object, like {"…": …}',
  undefined: 'left out',
  null: 'null',
};

function described(type: string): string {
  return TYPES[type] ?? type;
}

function valueOf(value: unknown): string {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'a list';
  return typeof value === 'object' ? 'an object' : JSON.stringify(value);
}

function isCounted(origin: string): boolean {
  return origin === 'string' || origin === 'array';
}

function unitOf(origin: string): string {
  if (origin === 'string') return ' characters long';
  return origin === 'array' ? ' entries long' : '';
}
