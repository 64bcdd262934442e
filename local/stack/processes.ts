import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createWriteStream, existsSync, mkdirSync } from 'node:fs';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { Problem } from './problem';

export interface ProcessSpec<Ready = string> {
  /** What people know it by, and the name of its log file. */
  name: string;
  command: string;
  args: string[];
  env: Record<string, string>;
  cwd?: string;
  /** What a line of its output says about being ready; undefined: nothing yet. */
  ready: (line: string) => Ready | undefined;
  readyWithinMs: number;
}

const LAST_LINES = 20;

/** A process of the stack, in a process group of its own: a Ctrl-C reaches it through us only, and in our order. */
export class ManagedProcess {
  private readonly last: string[] = [];
  private expected = false;

  constructor(
    readonly name: string,
    readonly logFile: string,
    private readonly child: ChildProcess,
  ) {}

  get pid(): number {
    return this.child.pid ?? 0;
  }

  get ended(): boolean {
    return this.child.exitCode !== null || this.child.signalCode !== null;
  }

  /** True when it ended and nobody had asked for that. */
  get failed(): boolean {
    return this.ended && !this.expected;
  }

  heard(line: string): void {
    this.last.push(line);
    if (this.last.length > LAST_LINES) this.last.shift();
  }

  /** The most telling of its last words: a plain line rather than a stack's or a banner's. */
  lastWords(): string {
    const lines = this.last.map((line) => line.trim()).filter((line) => line && !line.startsWith('at '));
    return (
      lines.findLast((line) => /error|taken|in use|cannot|holdfast worker:/i.test(line)) ?? lines.at(-1) ?? ''
    );
  }

  /** SIGKILL: no goodbye. Resolves when it is gone. */
  async kill(): Promise<void> {
    this.expected = true;
    if (this.ended) return;
    const gone = once(this.child, 'exit');
    this.signal('SIGKILL');
    await gone;
  }

  /** Asks it to end, and kills it after the grace. */
  async stop(graceMs: number): Promise<void> {
    this.expected = true;
    if (this.ended) return;
    const gone = once(this.child, 'exit');
    const timer = setTimeout(() => this.signal('SIGKILL'), graceMs);
    this.signal('SIGTERM');
    await gone;
    clearTimeout(timer);
  }

  signal(name: NodeJS.Signals): void {
    try {
      process.kill(-this.pid, name);
    } catch {
      // It has ended by itself.
    }
  }
}

/** Starts processes, keeps their output in log files, and sees to it that none outlives this one. */
export class Supervisor {
  private readonly running: ManagedProcess[] = [];
  private readonly guard: ChildProcess;
  private onFailure: (failed: Problem) => void = () => undefined;

  /** `leftovers` are files that are wrong once the processes are gone. */
  constructor(
    private readonly logs: string,
    leftovers: readonly string[] = [],
  ) {
    mkdirSync(logs, { recursive: true });
    this.guard = spawn(process.execPath, [programFile('guard'), ...leftovers], {
      stdio: ['pipe', 'ignore', 'ignore'],
      detached: true,
    });
    this.guard.unref();
    // Without the guard a SIGKILL leaves processes behind; everything else still works.
    this.guard.on('error', () => undefined);
    this.guard.stdin?.on('error', () => undefined);
    process.once('exit', this.killAll);
  }

  /** Resolves with the first failure of a process that was ready. */
  failure(): Promise<Problem> {
    return new Promise((resolve) => (this.onFailure = resolve));
  }

  /** @throws Problem when it ends, or says nothing in time, before it is ready */
  async start<Ready>(spec: ProcessSpec<Ready>): Promise<{ process: ManagedProcess; ready: Ready }> {
    const logFile = path.join(this.logs, `${spec.name.replaceAll(' ', '-')}.log`);
    const child = spawn(spec.command, spec.args, {
      env: spec.env,
      cwd: spec.cwd,
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: true,
    });
    const managed = new ManagedProcess(spec.name, logFile, child);
    this.watch(child, managed);
    const ready = await readiness(child, managed, spec);
    child.once('exit', () => {
      if (managed.failed) this.onFailure(new Problem(endedText(managed, child)));
    });
    return { process: managed, ready };
  }

  /** Ends everything, the last started first. */
  async stopAll(graceMs: number): Promise<void> {
    for (const managed of [...this.running].reverse()) await managed.stop(graceMs);
    process.removeListener('exit', this.killAll);
    this.guard.stdin?.end();
  }

  readonly killAll = (): void => {
    for (const managed of this.running) if (!managed.ended) managed.signal('SIGKILL');
  };

  private watch(child: ChildProcess, managed: ManagedProcess): void {
    const { pid } = child;
    if (pid !== undefined) {
      this.running.push(managed);
      this.guard.stdin?.write(`+${pid}\n`);
    }
    child.once('exit', () => {
      this.running.splice(this.running.indexOf(managed), 1);
      this.guard.stdin?.write(`-${pid}\n`);
    });
    const log = createWriteStream(managed.logFile, { flags: existsSync(managed.logFile) ? 'a' : 'w' });
    child.once('close', () => log.end());
    for (const stream of [child.stdout, child.stderr]) {
      if (!stream) continue;
      createInterface({ input: stream }).on('line', (line) => {
        log.write(`${line}\n`);
        managed.heard(line);
      });
    }
  }
}

function readiness<Ready>(
  child: ChildProcess,
  managed: ManagedProcess,
  spec: ProcessSpec<Ready>,
): Promise<Ready> {
  return new Promise((resolve, reject) => {
    const settle = (act: () => void) => {
      clearTimeout(timer);
      child.removeListener('close', onEnd);
      act();
    };
    const giveUp = (why: string) => {
      managed.signal('SIGKILL');
      const words = managed.lastWords();
      reject(new Problem(`${spec.name} ${why}${words && `: ${words}`} (all of it: ${managed.logFile})`));
    };
    const onEnd = () => settle(() => giveUp('ended before it was ready'));
    const timer = setTimeout(
      () => settle(() => giveUp(`was not ready within ${spec.readyWithinMs / 1000} s`)),
      spec.readyWithinMs,
    );
    child.once('close', onEnd);
    child.once('error', (error) => settle(() => giveUp(`cannot be started: ${error.message}`)));
    for (const stream of [child.stdout, child.stderr]) {
      if (!stream) continue;
      createInterface({ input: stream }).on('line', (line) => {
        const ready = spec.ready(line);
        if (ready !== undefined) settle(() => resolve(ready));
      });
    }
  });
}

function endedText(managed: ManagedProcess, child: ChildProcess): string {
  const how = child.signalCode
    ? `was killed (${child.signalCode})`
    : `ended with exit code ${child.exitCode}`;
  const words = managed.lastWords();
  return `${managed.name} ${how}${words && `: ${words}`} (all of it: ${managed.logFile})`;
}

/** A compiled program of this folder; also when the caller runs from the sources, as tests do. */
function programFile(name: string): string {
  return path.join(compiledFolder(), `${name}.js`);
}

function compiledFolder(): string {
  return __filename.endsWith('.js') ? __dirname : path.join(__dirname, '../../dist/local/stack');
}
