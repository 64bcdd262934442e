import { readFileSync } from 'node:fs';
import { InvalidArgumentError, Option } from 'commander';

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

export function jsonObject(text: string): object {
  try {
    const value: unknown = JSON.parse(text.startsWith('@') ? readFileSync(text.slice(1), 'utf8') : text);
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value;
  } catch (error) {
    throw new InvalidArgumentError(error instanceof Error ? error.message : String(error));
  }
  throw new InvalidArgumentError('not a JSON object; write it like {"policyName": "critical"}, or @file');
}

export function whole(text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1 || value > 1_000_000)
    throw new InvalidArgumentError('a whole number from 1 to 1000000');
  return value;
}
