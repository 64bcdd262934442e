import { Context } from '@temporalio/activity';
import { ApplicationFailure } from '@temporalio/common';
import type { Instance } from '@aws-sdk/client-ec2';
import { toFailure } from '../../aws/failures';
import { formatDuration } from '../../model/duration';
import { FAILURE } from '../../model/failures';
import { formatHookMark, type Hook, type HookMark } from '../../model/machines/hooks';
import type { MigrationHookStep } from '../../model/moves/hooks';
import { targetKey, type Target } from '../../model/target';
import { Commands, SendFailed, runUncancelled, type Order, type SentCommand } from '../machines/commands';
import type { ActivityDeps } from '../support/deps';
import { findInTime } from '../support/idempotency';
import { requireInstance } from '../machines/facts';
import { now, sleep } from '../support/pace/waits';
import { isWindows, readAgent } from '../machines/agents';
import { beatDuring } from '../support/pace/beating';

/** An agent that is there takes a command within seconds. */
const DELIVERY_SECONDS = 60;
/** Between the guest's end of a command and SSM's word of it. */
const REPORT_MS = 10_000;
/** A `pre` of a run that is gone may still be at work: it has an hour at most. */
const LOOKS_BACK_MS = 2 * 3_600_000;

interface HookRequest {
  target: Target;
  instanceId: string;
  migrationId: string;
  step: MigrationHookStep;
  /** With the step, what makes it one command whatever becomes of the answers. */
  number: number;
  hook: Hook;
  timeoutMs: number;
  /** For so long the agent may be away first; a system that has just started takes a while. */
  agentMs: number;
}

/** Commands in a guest around the stop of its migration: https://docs.aws.amazon.com/systems-manager/latest/userguide/run-command.html */
export function migrationHookActivities({ aws, settings }: ActivityDeps) {
  return {
    /**
     * Runs a hook once, and waits for its end. Before a `post`, a `pre` that still runs is ended: it would bring to
     * rest again what is to go on.
     *
     * @returns what the command said
     * @throws ApplicationFailure HookFailed; its details say whether the guest may have begun it
     */
    async runHook(request: HookRequest): Promise<string> {
      const { target, instanceId } = request;
      const { info, cancellationSignal } = Context.current();
      const instance = await requireInstance(aws.ec2(target, 'read'), target, instanceId);
      const since = info.scheduledTimestampMs - LOOKS_BACK_MS;
      const commands = new Commands(aws.ssm(target, 'migrate'), settings, since);
      const ssm = aws.ssm(target, 'read');
      return beatDuring({}, settings.pollMs, async () => {
        await awaitAgent(
          request,
          async () => (await readAgent(ssm, instanceId)) === 'online',
          settings.pollMs,
        );
        const run = new HookRun(commands, request, instance);
        const command =
          (await run.findUnderWay(settings, info.attempt)) ?? (await run.send(cancellationSignal));
        return run.awaitEnd(command, cancellationSignal);
      });
    },
  };
}

async function awaitAgent(
  request: HookRequest,
  isOnline: () => Promise<boolean>,
  pollMs: number,
): Promise<void> {
  const until = now() + request.agentMs;
  while (!(await isOnline())) {
    if (now() >= until)
      throw failed(
        request,
        `its SSM Agent does not answer${request.agentMs > 0 ? ` within ${formatDuration(request.agentMs)}` : ''}`,
        false,
      );
    await sleep(pollMs);
  }
}

/** One hook of one migration in one guest. */
class HookRun {
  constructor(
    private readonly commands: Commands,
    private readonly request: HookRequest,
    private readonly instance: Instance,
  ) {}

  /** What an earlier attempt of the activity sent. */
  async findUnderWay(settings: ActivityDeps['settings'], attempt: number): Promise<SentCommand | undefined> {
    const { instanceId, migrationId, step } = this.request;
    const all = await this.commands.findMarked(instanceId, migrationId);
    if (step.startsWith('post'))
      for (const each of all) if (each.mark.step.startsWith('pre')) await this.commands.stop(each);
    const own = (of: readonly SentCommand[]) =>
      of.find(({ mark }) => formatHookMark(mark) === formatHookMark(this.mark));
    if (attempt === 1) return own(all);
    return findInTime(settings, async () => own(await this.commands.findMarked(instanceId, migrationId)));
  }

  async send(signal: AbortSignal): Promise<SentCommand> {
    try {
      return await this.commands.send(this.order, signal);
    } catch (error) {
      const failure = toFailure(error instanceof SendFailed ? error.cause : error);
      const begun = error instanceof SendFailed && error.mayRun;
      const isDenied = failure instanceof ApplicationFailure && failure.type === FAILURE.accessDenied;
      throw failed(
        this.request,
        `it could not be sent: ${failure.message}`,
        begun,
        isDenied ? FAILURE.accessDenied : undefined,
      );
    }
  }

  async awaitEnd(command: SentCommand, signal: AbortSignal): Promise<string> {
    const { timeoutMs } = this.request;
    const id = `(command ${command.commandId})`;
    try {
      const end = await this.commands.end(command, DELIVERY_SECONDS * 1000 + timeoutMs + REPORT_MS, signal);
      if (end?.ok) return `${end.said} ${id}`;
      if (end) throw failed(this.request, `${end.said} ${id}`, end.begun);
    } catch (error) {
      // What was called off shall not go on in the guest.
      if (signal.aborted) await runUncancelled(() => this.commands.stop(command).catch(() => undefined));
      throw error;
    }
    await this.commands.stop(command);
    throw failed(
      this.request,
      `it did not end within ${formatDuration(timeoutMs)} and was cancelled ${id}`,
      true,
    );
  }

  private get mark(): HookMark {
    const { migrationId, step, number } = this.request;
    return { recoveryPointId: migrationId, step, attempt: number };
  }

  private get order(): Order {
    const { instanceId, hook, timeoutMs } = this.request;
    const script = isWindows(this.instance) ? 'AWS-RunPowerShellScript' : 'AWS-RunShellScript';
    const lines = {
      commands: hook.commands ?? [],
      executionTimeout: [String(Math.max(1, Math.ceil(timeoutMs / 1000)))],
    };
    return {
      instanceId,
      mark: this.mark,
      document: hook.document ?? script,
      parameters: hook.document ? (hook.parameters ?? {}) : lines,
      deliverySeconds: DELIVERY_SECONDS,
    };
  }
}

function failed(
  { instanceId, target, step }: HookRequest,
  why: string,
  begun: boolean,
  type: string = FAILURE.hookFailed,
): ApplicationFailure {
  const name = step.replace('-back', '');
  return ApplicationFailure.nonRetryable(
    `${instanceId} in ${targetKey(target)}: hook ${name} failed: ${why}`,
    type,
    { begun },
  );
}
