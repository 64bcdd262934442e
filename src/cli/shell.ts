import { createInterface } from 'node:readline/promises';
import type { Command } from 'commander';
import type { Holdfast } from '../client';
import { TASK_QUEUE } from '../model/names';
import { connectedTo } from './localStack';
import { Declined, EXIT } from './refusal';
import type { Output } from './options';

/** What a command has of the shell that it runs in: a connection, a place for results, and one for what people are told beside them. */
export class Shell {
  /** Connects, does the work, and closes; says so where nobody would carry it out. */
  async connected(work: (holdfast: Holdfast) => Promise<void>): Promise<void> {
    const holdfast = await connectedTo(process.env);
    const hint = this.tellWhereNoWorkerIs(holdfast);
    try {
      await work(holdfast);
    } finally {
      await hint;
      await holdfast.close();
    }
  }

  /** A result, as JSON. */
  print(value: unknown): void {
    process.stdout.write(`${JSON.stringify(value, null, 2)}\n`);
  }

  /** A result, for people or for programs. */
  say({ output }: Output, value: unknown, text: () => string): void {
    if (output === 'json') this.print(value);
    else process.stdout.write(`${text()}\n`);
  }

  /** What is no result. */
  tell(line: string): void {
    process.stderr.write(`holdfast: ${line}\n`);
  }

  /** Everything was done, and something is not as it should be. */
  notCompliant(): void {
    process.exitCode = EXIT.notCompliant;
  }

  /**
   * Goes on where what deletes is meant: by the flag, or by a person at this terminal. Nobody is asked where there is none.
   *
   * @param what in a sentence: `this deletes …`
   * @throws CommanderError, Declined
   */
  async requireYes(command: Command, isMeant: boolean, what: string): Promise<void> {
    if (isMeant) return;
    if (!process.stdin.isTTY || !process.stderr.isTTY)
      return command.error(`error: ${what}; add --yes where that is meant`);
    const terminal = createInterface({ input: process.stdin, output: process.stderr });
    // Ctrl-D and Ctrl-C are a no.
    const asked = terminal.question(`${what}. Go on? [y/N] `).catch(() => '');
    const answer = await asked.finally(() => terminal.close());
    if (!/^y(es)?$/i.test(answer.trim())) throw new Declined('nothing was changed');
  }

  /** Temporal takes everything and waits: without this, a command that nobody carries out looks like one that takes long. */
  private async tellWhereNoWorkerIs(holdfast: Holdfast): Promise<void> {
    // Whoever may start workflows need not be allowed to look at task queues.
    const hasWorker = await holdfast.hasWorker().catch(() => true);
    if (hasWorker) return;
    const { namespace } = holdfast.temporal.options;
    this.tell(
      `no worker polls the task queue ${TASK_QUEUE} in namespace ${namespace}; nothing goes on until one does (npm run worker)`,
    );
  }
}
