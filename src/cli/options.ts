import { readFileSync } from 'node:fs';
import { InvalidArgumentError, Option } from 'commander';
import { whyNoJson, whyUnreadable } from '../model/fileWords';

export interface Output {
  output: 'text' | 'json';
}

export function outputOption(): Option {
  return new Option('-o, --output <form>', 'for people or for programs')
    .choices(['text', 'json'])
    .default('text');
}

/** Of commands whose results are JSON in any case. */
export function jsonOption(): Option {
  return new Option(
    '-o, --output <form>',
    'results are JSON in any case; with json refusals are too',
  ).choices(['json']);
}

const OBJECT_LIKE = '{"policyName": "critical"}';

export function jsonObject(text: string): object {
  const json = text.startsWith('@') ? fileContent(text.slice(1)) : text;
  let value: unknown;
  try {
    value = JSON.parse(json);
  } catch (error) {
    throw new InvalidArgumentError(`it ${whyNoJson(json, error, OBJECT_LIKE)}; or name a file: @file`);
  }
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value;
  throw new InvalidArgumentError(`not a JSON object; write it like ${OBJECT_LIKE}, or @file`);
}

/** @param file `-` for stdin */
export function fileContent(file: string): string {
  try {
    return readFileSync(file === '-' ? process.stdin.fd : file, 'utf8');
  } catch (error) {
    throw new InvalidArgumentError(`${file} cannot be read: ${whyUnreadable(error)}`);
  }
}

export function whole(text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1 || value > 1_000_000)
    throw new InvalidArgumentError('a whole number from 1 to 1000000');
  return value;
}

/** Collects `key=value`. */
export function addTag(text: string, before: Record<string, string> = {}): Record<string, string> {
  const at = text.indexOf('=');
  if (at < 1) throw new InvalidArgumentError('not a tag; write it like tier=critical');
  return { ...before, [text.slice(0, at)]: text.slice(at + 1) };
}

/** Of what deletes. */
export const YES = ['--yes', 'does not ask', false] as const;
