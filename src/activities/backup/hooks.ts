import { ApplicationFailure } from '@temporalio/common';
import { toFailure } from '../../aws/failures';
import { fixedDurationMs, formatDuration } from '../../model/duration';
import { FAILURE } from '../../model/failures';
import type { Hook, Hooks } from '../../model/machines/hooks';
import type { FailedItem } from '../../model/outcome';
import { targetKey, type Target } from '../../model/target';
import {
  SendFailed,
  runUncancelled,
  type CommandEnd,
  type Commands,
  type Order,
  type SentCommand,
} from '../machines/commands';
import type { UnitNow } from './snapshotSets';
import { patienceWith } from '../support/patience';
import { isWindows } from '../machines/agents';

/** An agent that is there takes a command within seconds. */
const DELIVERY_SECONDS = 60;
/** A thaw may still arrive when the agent comes back later. */
const THAW_DELIVERY_SECONDS = 3600;
/** Between the guest's end of a command and SSM's word of it. */
const REPORT_MS = 10_000;

const MANAGED =
  'its SSM Agent has to run, with an instance profile that has AmazonSSMManagedInstanceCore and a way to the SSM endpoint';

/** An instance that could not be brought to rest. */
export class HookFailed extends Error {
  override readonly name = 'HookFailed';

  constructor(
    readonly item: FailedItem,
    /** The guest may have done some of it. */
    readonly mayHaveBegun: boolean,
  ) {
    super(item.message);
  }
}

interface Thaw {
  /** When `post` was sent, by SSM's clock. */
  atMs?: number;
  problem?: FailedItem;
}

/** What earlier commands of a point came to. */
export interface Settled {
  /** Number of the next freeze. */
  next: number;
  /** When the last thaw was sent, in milliseconds since the epoch. */
  thawedMs?: number;
}

/** What is done at rest, and beside it. */
interface AtRest<Result> {
  action: () => Promise<Result>;
  /** Of a guest that may still be frozen. */
  tell: (problem: FailedItem) => void;
  signal: AbortSignal;
}

/** Freezes and thaws guests. */
export class GuestHooks {
  constructor(
    private readonly commands: Commands,
    private readonly hooks: Hooks,
    private readonly target: Target,
  ) {}

  /**
   * Thaws what an earlier attempt or run may have left frozen.
   *
   * @param tell of a thaw that failed
   * @throws HookFailed when nobody lets it look
   */
  async settle(
    { unit, recoveryPointId, ...now }: UnitNow,
    tell: (problem: FailedItem) => void,
  ): Promise<Settled> {
    const of = { unit, recoveryPointId, ...now };
    const all = await this.commands.findMarked(unit.resourceId, recoveryPointId).catch((error: unknown) => {
      if (patienceWith(error) !== 'give up') throw error;
      throw new HookFailed(
        this.failed(of, `its commands cannot be seen: ${this.reason(error)}`, error),
        false,
      );
    });
    const attempt = Math.max(0, ...all.map(({ mark }) => mark.attempt));
    const [pre, post] = (['pre', 'post'] as const).map((step) =>
      all.find(({ mark }) => mark.attempt === attempt && mark.step === step),
    );
    const thaw = post ? await this.awaitThawed(of, post) : pre ? await this.thaw(of, attempt, pre) : {};
    if (thaw.problem) tell(thaw.problem);
    return { next: attempt + 1, thawedMs: thaw.atMs };
  }

  /**
   * Does something while the guest is at rest, and thaws it whatever happens.
   *
   * @throws HookFailed when it does not come to rest; the action is not done
   */
  async doAtRest<Result>(
    now: UnitNow,
    attempt: number,
    { action, tell, signal }: AtRest<Result>,
  ): Promise<Result> {
    let pre: SentCommand | undefined;
    let isOver = false;
    let mayBeFrozen = true;
    try {
      signal.throwIfAborted();
      pre = await this.sendPre(now, attempt, signal);
      isOver = await this.awaitFrozen(now, pre, signal);
      signal.throwIfAborted();
      return await action();
    } catch (error) {
      mayBeFrozen = error instanceof HookFailed ? error.mayHaveBegun : pre !== undefined;
      throw error;
    } finally {
      const { problem } = mayBeFrozen ? await this.thaw(now, attempt, isOver ? undefined : pre) : {};
      if (problem) tell(problem);
    }
  }

  private async sendPre(now: UnitNow, attempt: number, signal: AbortSignal): Promise<SentCommand> {
    try {
      return await this.commands.send(this.order(now, 'pre', attempt), signal);
    } catch (error) {
      const mayHaveBegun = error instanceof SendFailed && error.mayRun;
      throw new HookFailed(
        this.failed(now, `pre could not be sent: ${this.reason(error)}`, error),
        mayHaveBegun,
      );
    }
  }

  private async awaitFrozen(now: UnitNow, pre: SentCommand, signal: AbortSignal): Promise<true> {
    const timeoutMs = timeoutOf(this.hooks.pre);
    const ended = await this.commands.end(pre, DELIVERY_SECONDS * 1000 + timeoutMs + REPORT_MS, signal);
    const end: CommandEnd = ended ?? {
      ok: false,
      begun: true,
      said: `it did not end within ${formatDuration(timeoutMs)} and was cancelled`,
    };
    if (end.ok) return true;
    const fix = end.begun ? '' : `; ${MANAGED}`;
    const why = `pre failed: ${end.said} (command ${pre.commandId})${fix}`;
    throw new HookFailed(this.failed(now, why), end.begun);
  }

  /** Not to be cancelled. What `pre` still does in the guest would freeze it afterwards, so that is ended first. */
  private async thaw(now: UnitNow, attempt: number, pre?: SentCommand): Promise<Thaw> {
    return runUncancelled(async () => {
      try {
        const end = pre && (await this.commands.stop(pre).catch(() => undefined));
        if (end?.begun === false) return {};
        return await this.awaitThawed(now, await this.commands.send(this.order(now, 'post', attempt)));
      } catch (error) {
        return { problem: this.stillFrozen(now, `post could not be sent: ${this.reason(error)}`, error) };
      }
    });
  }

  private async awaitThawed(now: UnitNow, post: SentCommand): Promise<Thaw> {
    const timeoutMs = timeoutOf(this.hooks.post);
    const end = await this.commands.end(post, DELIVERY_SECONDS * 1000 + timeoutMs + REPORT_MS);
    const atMs = post.requestedMs;
    if (end?.ok) return { atMs };
    const why = `post ${end ? `failed: ${end.said}` : 'has not ended yet'} (command ${post.commandId})`;
    return { atMs, problem: this.stillFrozen(now, why) };
  }

  private order({ unit, recoveryPointId, instance }: UnitNow, step: 'pre' | 'post', attempt: number): Order {
    const hook = this.hooks[step];
    return {
      instanceId: unit.resourceId,
      mark: { recoveryPointId, step, attempt },
      deliverySeconds: step === 'pre' ? DELIVERY_SECONDS : THAW_DELIVERY_SECONDS,
      ...(hook?.document
        ? { document: hook.document, parameters: hook.parameters ?? {} }
        : {
            document: instance && isWindows(instance) ? 'AWS-RunPowerShellScript' : 'AWS-RunShellScript',
            parameters: {
              commands: hook?.commands ?? [],
              executionTimeout: [String(Math.ceil(timeoutOf(hook) / 1000))],
            },
          }),
    };
  }

  private stillFrozen(now: UnitNow, why: string, error?: unknown): FailedItem {
    const { document, commands = [] } = this.hooks.post ?? {};
    const by = document ?? commands.join('; ');
    return this.failed(now, `it may still be frozen: ${why}; thaw it by hand: ${by}`, error);
  }

  private failed({ unit }: UnitNow, why: string, error?: unknown): FailedItem {
    const failure = error === undefined ? undefined : toFailure(causeOf(error));
    const isDenied = failure instanceof ApplicationFailure && failure.type === FAILURE.accessDenied;
    return {
      item: unit.resourceId,
      type: isDenied ? FAILURE.accessDenied : FAILURE.hookFailed,
      message: `${unit.resourceId} in ${targetKey(this.target)}: ${why}`,
    };
  }

  private reason(error: unknown): string {
    const cause = causeOf(error);
    const isUnmanaged = cause instanceof Error && cause.name === 'InvalidInstanceId';
    return `${toFailure(cause).message}${isUnmanaged ? `; ${MANAGED}` : ''}`;
  }
}

function causeOf(error: unknown): unknown {
  return error instanceof SendFailed ? error.cause : error;
}

function timeoutOf(hook: Hook | undefined): number {
  return (hook && fixedDurationMs(hook.timeout)) ?? 0;
}
