import { execFile } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { ROOT } from './paths';

/** A fenced `sh` block of a page. */
export interface Block {
  /** Where it begins: `README.md:120`. */
  at: string;
  script: string;
  /** Exit code that its commands may have beside 0: a plan with problems has 3. */
  mayExit?: number;
}

/** In a page: its commands are run by a test, in order, in one shell. */
const RUN_PAGE = '<!-- commands: run -->';
/** Right before a block that is not: it needs what a stack does not have. */
const NOT_RUN = /^<!-- not run: .+ -->$/;
/** Right before a block. */
const MAY_EXIT = /^<!-- may exit with (\d+) -->$/;

/** Pages whose commands are run as they stand. */
export function pagesToRun(): string[] {
  const docs = readdirSync(path.join(ROOT, 'docs'), { recursive: true, encoding: 'utf8' });
  const pages = ['README.md', ...docs.map((file) => path.join('docs', file))].filter((file) =>
    file.endsWith('.md'),
  );
  return pages.filter((page) => readFileSync(path.join(ROOT, page), 'utf8').includes(RUN_PAGE)).sort();
}

/** The blocks of a page that are run, in order. */
export function blocksOf(page: string, markdown: string): Block[] {
  const lines = markdown.split('\n');
  const blocks: Block[] = [];
  let before = '';
  for (let index = 0; index < lines.length; index += 1) {
    const fence = /^(`{3,})(\w*)$/.exec(lines[index] ?? '');
    if (!fence) {
      if (lines[index]?.trim()) before = lines[index]?.trim() ?? '';
      continue;
    }
    const end = lines.indexOf(fence[1] ?? '', index + 1);
    if (end < 0) throw new Error(`${page}:${index + 1}: this block does not end`);
    const mayExit = MAY_EXIT.exec(before)?.[1];
    if (fence[2] === 'sh' && !NOT_RUN.test(before))
      blocks.push({
        at: `${page}:${index + 1}`,
        script: lines.slice(index + 1, end).join('\n'),
        ...(mayExit && { mayExit: Number(mayExit) }),
      });
    before = '';
    index = end;
  }
  return blocks;
}

/**
 * Runs the blocks in one bash, as a reader pastes them one after the other; ends with the first command that fails.
 *
 * @throws Error naming block, command and what was said
 */
export async function runBlocks(blocks: readonly Block[], cwd: string): Promise<void> {
  const { NODE_OPTIONS: _, ...env } = process.env;
  await new Promise<void>((resolve, reject) =>
    execFile(
      '/bin/bash',
      ['--norc', '-c', scriptOf(blocks)],
      { cwd, env, maxBuffer: 64 * 1024 * 1024 },
      (error, stdout, stderr) => {
        if (!error) return resolve();
        const told = `${stdout}\n${stderr}`.split('\n').slice(-40).join('\n');
        reject(new Error(told));
      },
    ).stdin?.end(),
  );
}

function scriptOf(blocks: readonly Block[]): string {
  const failed = `{ echo "$block: exit code $code of: $BASH_COMMAND" >&2; exit 1; }`;
  return [
    'set -E',
    `trap 'code=$?; [ "$code" = "$may_exit" ] || ${failed}' ERR`,
    ...blocks.flatMap(({ at, script, mayExit = 0 }) => [`block='${at}' may_exit=${mayExit}`, script]),
  ].join('\n');
}
