import { ApplicationFailure } from '@temporalio/common';
import { toFailure } from '../../aws/failures';
import { FAILURE } from '../../model/failures';
import type { HookStep } from '../../model/machines/hooks';
import { SendFailed, runUncancelled, type Commands, type Order, type SentCommand } from './commands';
import type { ProbeAnswer } from './probes';

/** The least that SSM takes; an agent that has come up takes a command within seconds. */
const DELIVERY_SECONDS = 30;

interface Guest {
  instanceId: string;
  migrationId: string;
  /** Place among the migration's checks. */
  number: number;
  lines: string[];
  windows: boolean;
}

/** A check that runs in the guest. Each try is one command, which is sent once whatever becomes of the answers. */
export class GuestCheck {
  /** Tries that are known; undefined until an earlier attempt's have been looked for. */
  private tries: number | undefined;

  constructor(
    private readonly commands: Commands,
    private readonly guest: Guest,
  ) {}

  async ask(leftMs: number, signal: AbortSignal): Promise<ProbeAnswer> {
    try {
      const command = (await this.findUnderWay()) ?? (await this.send(leftMs, signal));
      return await this.awaitOutcome(command, leftMs, signal);
    } catch (error) {
      if (signal.aborted) throw error;
      const cause = error instanceof SendFailed ? error.cause : error;
      const failure = toFailure(cause);
      // Nobody grants it in the little time that is left.
      if (failure instanceof ApplicationFailure && failure.type === FAILURE.accessDenied) throw cause;
      return { ok: false, said: `it could not be run: ${failure.message}` };
    }
  }

  /** The newest command of an attempt that was cut off: its answer counts, and it is not sent again. */
  private async findUnderWay(): Promise<SentCommand | undefined> {
    if (this.tries !== undefined) return undefined;
    const { instanceId, migrationId } = this.guest;
    const all = await this.commands.findMarked(instanceId, migrationId);
    const own = all.filter(({ mark }) => mark.step === this.step);
    this.tries = Math.max(0, ...own.map(({ mark }) => mark.attempt));
    return own.find(({ mark }) => mark.attempt === this.tries);
  }

  private send(leftMs: number, signal: AbortSignal): Promise<SentCommand> {
    const { instanceId, migrationId, lines, windows } = this.guest;
    this.tries = (this.tries ?? 0) + 1;
    const order: Order = {
      instanceId,
      mark: { recoveryPointId: migrationId, step: this.step, attempt: this.tries },
      document: windows ? 'AWS-RunPowerShellScript' : 'AWS-RunShellScript',
      parameters: { commands: lines, executionTimeout: [String(Math.ceil(leftMs / 1000))] },
      deliverySeconds: DELIVERY_SECONDS,
    };
    return this.commands.send(order, signal);
  }

  private async awaitOutcome(
    command: SentCommand,
    leftMs: number,
    signal: AbortSignal,
  ): Promise<ProbeAnswer> {
    const id = `(command ${command.commandId})`;
    const end = await this.commands.end(command, leftMs, signal);
    if (end) return { ok: end.ok, said: `${end.said} ${id}` };
    await runUncancelled(() => this.commands.stop(command));
    return { ok: false, said: `it had not ended, and was cancelled ${id}` };
  }

  private get step(): HookStep {
    return `check${this.guest.number}`;
  }
}
