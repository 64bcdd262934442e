import { asyncLocalStorage } from '@temporalio/activity';
import {
  CancelCommandCommand,
  ListCommandInvocationsCommand,
  paginateListCommands,
  SendCommandCommand,
  type Command,
  type CommandInvocation,
  type SSMClient,
} from '@aws-sdk/client-ssm';
import { formatHookMark, parseHookMark, type HookMark } from '../../model/machines/hooks';
import type { Settings } from '../support/deps';
import { now, rest } from '../support/pace/waits';
import { patienceWith } from '../support/patience';
import { told } from '../support/known';

/** Calls that fail for no known reason, until the command counts as not sent; and those that are throttled. */
const SEND_ATTEMPTS = 6;
const THROTTLED_ATTEMPTS = 60;
/** A cancelled command is over within this many polls, or nobody knows. */
const CANCEL_POLLS = 6;
/** AWS's clock and Temporal's need not agree to the second. */
const CLOCK_SKEW_MS = 60_000;
const LONGEST_OUTPUT = 300;
/** https://docs.aws.amazon.com/systems-manager/latest/userguide/monitor-commands.html */
const FINAL = new Set(['Success', 'Cancelled', 'Failed', 'TimedOut']);
const NEVER_BEGUN = /^(Delivery ?Timed ?Out|Undeliverable)$/i;

export interface Order {
  instanceId: string;
  mark: HookMark;
  document: string;
  parameters: Record<string, string[]>;
  /** How long the command may wait for the agent; SSM takes 30 seconds at least. */
  deliverySeconds: number;
}

export interface SentCommand {
  instanceId: string;
  commandId: string;
  mark: HookMark;
  /** By SSM's clock, in milliseconds since the epoch. */
  requestedMs: number;
}

export interface CommandEnd {
  ok: boolean;
  /** False when it never reached the guest. */
  begun: boolean;
  /** In SSM's words, and the command's. */
  said: string;
}

/** A command that SSM did not take. */
export class SendFailed extends Error {
  override readonly name = 'SendFailed';

  constructor(
    override readonly cause: unknown,
    /** It may run all the same: an answer was lost, and no list shows it. */
    readonly mayRun: boolean,
  ) {
    super(cause instanceof Error ? cause.message : String(cause));
  }
}

/** Runs something to its end although the activity is cancelled: its calls wait for their turn all the same. */
export function runUncancelled<Result>(action: () => Promise<Result>): Promise<Result> {
  return asyncLocalStorage.exit(action);
}

/**
 * Commands in guests: https://docs.aws.amazon.com/systems-manager/latest/userguide/run-command.html. SendCommand has no
 * client token, so that each carries a mark in its comment, and whoever did not hear the answer looks for it.
 */
export class Commands {
  constructor(
    private readonly ssm: SSMClient,
    private readonly settings: Settings,
    /** None is older, in milliseconds since the epoch. */
    private readonly sinceMs: number,
  ) {}

  /** Those of one recovery point. */
  async findMarked(instanceId: string, recoveryPointId: string): Promise<SentCommand[]> {
    const after = new Date(this.sinceMs - CLOCK_SKEW_MS).toISOString().replace(/\.\d+Z$/, 'Z');
    const found: SentCommand[] = [];
    for await (const { Commands = [] } of paginateListCommands(
      { client: this.ssm, pageSize: 50 },
      { InstanceId: instanceId, Filters: [{ key: 'InvokedAfter', value: after }] },
    )) {
      for (const command of Commands) {
        const mark = parseHookMark(command.Comment);
        if (mark?.recoveryPointId === recoveryPointId) found.push(sentCommand(instanceId, mark, command));
      }
    }
    return found;
  }

  /**
   * Sends a command once, whatever becomes of the answers.
   *
   * @throws SendFailed
   */
  async send(order: Order, signal?: AbortSignal): Promise<SentCommand> {
    let mayRun = false;
    let failures = 0;
    let throttles = 0;
    for (;;) {
      try {
        const { Command } = await this.ssm.send(
          new SendCommandCommand({
            InstanceIds: [order.instanceId],
            DocumentName: order.document,
            Parameters: order.parameters,
            Comment: formatHookMark(order.mark),
            TimeoutSeconds: order.deliverySeconds,
          }),
        );
        return sentCommand(order.instanceId, order.mark, Command);
      } catch (error) {
        const answer = patienceWith(error);
        if (answer === 'unsure') failures += 1;
        else throttles += 1;
        mayRun ||= answer === 'unsure';
        const found = mayRun ? await this.findSent(order) : undefined;
        if (found) return found;
        const isEnough = failures >= SEND_ATTEMPTS || throttles >= THROTTLED_ATTEMPTS;
        if (answer === 'give up' || isEnough || signal?.aborted) throw new SendFailed(error, mayRun);
        await rest(this.settings.pollMs);
      }
    }
  }

  /** What an unheard call sent: one empty list proves nothing. */
  private async findSent({ instanceId, mark }: Order): Promise<SentCommand | undefined> {
    const { readLagMs } = this.settings;
    for (const waitMs of [0, readLagMs, Math.ceil(readLagMs / 5)]) {
      await rest(waitMs);
      const all = await this.findMarked(instanceId, mark.recoveryPointId).catch(() => []);
      const found = all.find((each) => formatHookMark(each.mark) === formatHookMark(mark));
      if (found) return found;
    }
    return undefined;
  }

  /** Undefined when it goes on after that time. */
  async end(command: SentCommand, patienceMs: number, signal?: AbortSignal): Promise<CommandEnd | undefined> {
    const until = now() + patienceMs;
    for (let pauseMs = this.settings.pollMs / 10; ; pauseMs = Math.min(2 * pauseMs, this.settings.pollMs)) {
      const seen = await this.look(command);
      if (seen?.Status && FINAL.has(seen.Status)) return endOf(seen);
      if (now() >= until) return undefined;
      await rest(Math.ceil(pauseMs), signal);
    }
  }

  /** Sees to it that it is over; undefined when nobody knows. */
  async stop(command: SentCommand): Promise<CommandEnd | undefined> {
    const ended = await this.end(command, 0);
    if (ended) return ended;
    const { commandId: CommandId, instanceId } = command;
    await this.ssm.send(new CancelCommandCommand({ CommandId, InstanceIds: [instanceId] })).catch(forgive);
    return this.end(command, CANCEL_POLLS * this.settings.pollMs);
  }

  /** By invocations: GetCommandInvocation wants the name of a step of documents that have several. */
  private async look({
    commandId: CommandId,
    instanceId,
  }: SentCommand): Promise<CommandInvocation | undefined> {
    try {
      const { CommandInvocations } = await this.ssm.send(
        new ListCommandInvocationsCommand({ CommandId, InstanceId: instanceId, Details: true }),
      );
      // None: it was sent a moment ago.
      return CommandInvocations?.[0];
    } catch (error) {
      return forgive(error);
    }
  }
}

function sentCommand(instanceId: string, mark: HookMark, command: Command | undefined): SentCommand {
  const what = `a command for ${instanceId}`;
  const { CommandId, RequestedDateTime } = told(command, what, 'CommandId', 'RequestedDateTime');
  return { instanceId, commandId: CommandId, mark, requestedMs: RequestedDateTime.getTime() };
}

/** What passes with time is asked again. */
function forgive(error: unknown): undefined {
  if (patienceWith(error) === 'give up') throw error;
}

function endOf({ Status, StatusDetails, CommandPlugins = [] }: CommandInvocation): CommandEnd {
  const output = CommandPlugins.flatMap(({ Output }) => Output?.trim() ?? []).filter(Boolean);
  const said = [StatusDetails ?? Status, output.join(' / ').slice(0, LONGEST_OUTPUT)].filter(Boolean);
  const begun = !(StatusDetails && NEVER_BEGUN.test(StatusDetails));
  return { ok: Status === 'Success', begun, said: said.join(': ') };
}
