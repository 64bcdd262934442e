import { chmodSync, mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { FOREIGN_VARIABLES } from './environment';

/** What a shell needs to be on the stack. */
export interface ShellEnvironment {
  variables: Record<string, string>;
  /** Commands by their names: the program, and what it is always given. */
  commands: Record<string, readonly [program: string, ...args: string[]]>;
}

export function envFilePath(state: string): string {
  return path.join(state, 'env');
}

/**
 * The file that `source .holdfast/env` reads, and the commands that it puts on the PATH: in that shell `temporal`, `holdfast`, `aws` and
 * every SDK talk to this stack, whatever the shell had before, and reading it twice changes nothing more.
 */
export function writeEnvFile(state: string, { variables, commands }: ShellEnvironment): void {
  const bin = path.join(state, 'bin');
  mkdirSync(bin, { recursive: true });
  for (const [name, line] of Object.entries(commands)) {
    const file = path.join(bin, name);
    writeFileSync(file, `#!/bin/sh\nexec ${line.map(quoted).join(' ')} "$@"\n`);
    chmodSync(file, 0o755);
  }
  const file = envFilePath(state);
  writeFileSync(`${file}.part`, `${envText(bin, variables)}\n`);
  renameSync(`${file}.part`, file);
}

export function removeEnvFile(state: string): void {
  rmSync(envFilePath(state), { force: true });
}

/** For sh, bash and zsh. */
function envText(bin: string, variables: Record<string, string>): string {
  return [
    '# The stack of this folder, for the shell that reads it: source .holdfast/env',
    '# What would lead to another Temporal or to a real account goes first.',
    `for holdfast_name in $(env | sed -nE 's/^((${FOREIGN_VARIABLES.join('|')})[A-Za-z0-9_]*)=.*/\\1/p'); do`,
    '  unset "$holdfast_name"',
    'done',
    'unset holdfast_name',
    ...Object.entries(variables).map(([name, value]) => `export ${name}=${quoted(value)}`),
    'case ":$PATH:" in',
    `  *:${quoted(bin)}:*) ;;`,
    `  *) export PATH=${quoted(bin)}":$PATH" ;;`,
    'esac',
  ].join('\n');
}

/** One word for a shell, whatever is in it. */
export function quoted(text: string): string {
  return /^[\w./:-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}
