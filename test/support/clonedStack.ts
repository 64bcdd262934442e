import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { copyFile, mkdir, mkdtemp, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { compileTo } from './compiled';
import { ROOT } from './paths';
import { shared } from './shared';

/**
 * `npm run stack` in a folder that looks like a clone of its own, so that a stack that somebody has running in this one is left alone:
 * today's sources, and links to what never changes.
 */
export class ClonedStack {
  private constructor(
    readonly folder: string,
    /** What it has said until it was ready. */
    readonly said: readonly string[],
    private readonly program: ChildProcess,
  ) {}

  static async start(): Promise<ClonedStack> {
    const folder = await mkdtemp(path.join(tmpdir(), 'holdfast-clone-'));
    await mkdir(path.join(folder, '.holdfast'));
    await Promise.all([
      compileTo(path.join(folder, 'dist'), ['src', 'local']),
      copyFile(path.join(ROOT, 'package.json'), path.join(folder, 'package.json')),
      ...['node_modules', 'policies', 'local', path.join('.holdfast', 'python')].map((name) =>
        symlink(path.join(ROOT, name), path.join(folder, name)),
      ),
    ]);
    await copyFile(shared('bundle'), path.join(folder, 'dist', 'workflow-bundle.js'));
    const program = spawn(process.execPath, [path.join(folder, 'dist/local/stack.js')], {
      cwd: folder,
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const said: string[] = [];
    const ready = new Promise<void>((resolve, reject) => {
      createInterface({ input: program.stdout }).on('line', (line) => {
        said.push(line);
        if (line.startsWith('stack ready')) resolve();
      });
      program.once('exit', (code) => reject(new Error(`the stack ended with ${code}:\n${said.join('\n')}`)));
    });
    await ready;
    return new ClonedStack(folder, said, program);
  }

  async close(): Promise<void> {
    const gone = once(this.program, 'exit');
    this.program.kill('SIGTERM');
    await gone;
    await rm(this.folder, { recursive: true, force: true });
  }
}
