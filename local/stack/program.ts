import { Problem } from './problem';

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/** One Ctrl-C may arrive twice: from the terminal, and again from npm. */
const SAME_SIGNAL_MS = 1_000;

const INTERRUPTED = 130;

/** A program that starts other processes: however it ends, it ends them first. */
export class Program {
  private readonly cleanups: (() => Promise<void>)[] = [];
  private onInterrupt: (code: number) => void = () => undefined;
  private interruptCode = INTERRUPTED;
  private firstSignal: number | undefined;

  /** Resolves with the exit code when somebody asks the program to end. */
  private readonly interrupted = new Promise<number>((resolve) => (this.onInterrupt = resolve));

  /** Runs last things first. */
  atEnd(cleanup: () => Promise<void>): void {
    this.cleanups.push(cleanup);
  }

  /** Everything is done; from now on a signal is the normal end. Resolves when it comes. */
  async untilInterrupted(code: number): Promise<number> {
    this.interruptCode = code;
    return this.interrupted;
  }

  static async run(main: (program: Program) => Promise<number>): Promise<void> {
    const program = new Program();
    for (const signal of SIGNALS) process.on(signal, () => program.interrupt());
    // The reader of our output is gone, as in `npm start | head`.
    process.stdout.on('error', () => program.interrupt());
    let code: number;
    try {
      code = await Promise.race([main(program), program.interrupted]);
    } catch (error) {
      process.stderr.write(`${textOf(error)}\n`);
      code = 1;
    }
    await program.end();
    process.exit(code);
  }

  private interrupt(): void {
    const now = Date.now();
    if (this.firstSignal === undefined) {
      this.firstSignal = now;
      this.onInterrupt(this.interruptCode);
    } else if (now - this.firstSignal > SAME_SIGNAL_MS) {
      process.exit(INTERRUPTED);
    }
  }

  private async end(): Promise<void> {
    for (const cleanup of this.cleanups.reverse()) {
      await cleanup().catch((error: unknown) => process.stderr.write(`${textOf(error)}\n`));
    }
  }
}

function textOf(error: unknown): string {
  if (error instanceof Problem) return error.message;
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}
