import { parseArgs } from 'node:util';
import { Problem, reasonOf } from './problem';

/** The flags that a program was given, each true or absent. @throws Problem naming the wrong one */
export function flags(args: readonly string[], known: readonly string[], usage: string): Set<string> {
  try {
    const options = Object.fromEntries(known.map((flag) => [flag, { type: 'boolean' as const }]));
    return new Set(Object.keys(parseArgs({ args: [...args], options, allowPositionals: false }).values));
  } catch (error) {
    throw new Problem(`${reasonOf(error)}; usage: ${usage}`);
  }
}
