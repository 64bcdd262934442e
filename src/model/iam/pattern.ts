import { valueIn, type RequestContext } from './context';
import { allOf, type Truth } from './truth';

/** A character as it stands, `?`, `*`, or what a variable stands for that nobody here knows. */
type Part = { character: string } | 'one' | 'many' | 'unknown';

/** Undefined where a variable has no value: then nothing is equal to it, or like it. */
export type Pattern = readonly Part[] | undefined;

export interface Reading {
  wildcards: boolean;
  /** Undefined where `${` is text: in elements without variables, and before policy version 2012-10-17. */
  variables?: RequestContext;
}

/** `${*}`, `${?}` and `${$}`; a variable, perhaps with a default; what begins like one and is none; any other character. */
const TOKEN = /\$\{([*?$])\}|\$\{ *([^{}',]+?) *(?:, *'([^']*)' *)?\}|(\$\{)|([\s\S])/gu;

/** https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_variables.html */
export function patternOf(text: string, { wildcards, variables }: Reading): Pattern {
  const plain = (each: string): Part => {
    if (wildcards && each === '*') return 'many';
    return wildcards && each === '?' ? 'one' : { character: each };
  };
  if (!variables) return [...text].map(plain);
  const parts: Part[] = [];
  for (const [, special, name, fallback, broken, character = ''] of text.matchAll(TOKEN)) {
    if (special) parts.push({ character: special });
    else if (broken) parts.push('unknown');
    else if (name === undefined) parts.push(plain(character));
    else {
      const value = valueOf(name, fallback, variables);
      if (value === undefined) return undefined;
      parts.push(...value);
    }
  }
  return parts;
}

/** A value is text, whatever characters it has. Undefined where the request lacks the key and nothing stands for it. */
function valueOf(
  name: string,
  fallback: string | undefined,
  variables: RequestContext,
): readonly Part[] | undefined {
  const value = valueIn(variables, name) ?? (valueIn(variables, name) === null ? fallback : ['unknown']);
  if (value === undefined) return undefined;
  // Keys with several values are no variables, and the page does not say what they stand for.
  if (typeof value !== 'string') return ['unknown'];
  return [...value].map((character) => ({ character }));
}

export function matches(pattern: Pattern, text: string, { ignoreCase = false } = {}): Truth {
  if (!pattern || !fits(pattern, [...text], ignoreCase)) return false;
  return pattern.includes('unknown') ? 'unknown' : true;
}

/**
 * As ARN operators compare: each of the six parts by itself, the last with all of its colons. A pattern of fewer parts
 * is no ARN, and the page does not say what it matches
 * (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html#Conditions_ARN).
 */
export function matchesArn(pattern: Pattern, arn: string): Truth {
  // Whatever matches part by part matches as a whole too.
  if (!pattern || matches(pattern, arn) === false) return false;
  const wanted = sixParts(pattern, (part) => typeof part === 'object' && part.character === ':');
  if (wanted.length < 6 || wanted.slice(0, 5).some((part) => part.includes('unknown'))) return 'unknown';
  const parts = sixParts([...arn], (character) => character === ':');
  return parts.length === 6 && allOf(wanted.map((part, at) => matches(part, parts[at]!.join(''))));
}

function sixParts<T>(items: readonly T[], isColon: (item: T) => boolean): T[][] {
  const parts: T[][] = [[]];
  for (const item of items) {
    if (isColon(item) && parts.length < 6) parts.push([]);
    else parts.at(-1)!.push(item);
  }
  return parts;
}

/** Goes back to the last `*` only, so that the patterns of strangers cannot make it slow. */
function fits(parts: readonly Part[], text: readonly string[], ignoreCase: boolean): boolean {
  let [part, at, many, resumed] = [0, 0, -1, 0];
  while (at < text.length) {
    const wanted = parts[part];
    if (isMany(wanted)) {
      many = part++;
      resumed = at;
    } else if (isOne(wanted, text[at]!, ignoreCase)) {
      part += 1;
      at += 1;
    } else if (many >= 0) {
      part = many + 1;
      at = ++resumed;
    } else return false;
  }
  return parts.slice(part).every(isMany);
}

function isMany(part: Part | undefined): boolean {
  return part === 'many' || part === 'unknown';
}

function isOne(part: Part | undefined, character: string, ignoreCase: boolean): boolean {
  if (part === 'one') return true;
  if (typeof part !== 'object') return false;
  return ignoreCase ? part.character.toLowerCase() === character.toLowerCase() : part.character === character;
}
