import { AsyncLocalStorage } from 'node:async_hooks';
import { setTimeout as timer } from 'node:timers/promises';
import { Context, sleep as activitySleep } from '@temporalio/activity';
import { ApplicationFailure } from '@temporalio/common';
import type { EC2Client } from '@aws-sdk/client-ec2';
import type { Activities } from '../../src/activities';
import type { Waits } from '../../src/activities/support/pace/waits';
import type { AwsClients } from '../../src/aws/clients';
import { isMutation } from './awsProxy';

/** So much faster than in truth activities wait; the local AWS beside them runs at this speed, so that both agree. */
export const SPEED = 300;
/** What a call takes where AWS is not next door. */
const CALL_MS = 500;
/** How Temporal spaces retries: the profiles' own policy (src/workflows/support/options.ts). */
const FIRST_PAUSE_MS = 1_000;
const LONGEST_PAUSE_MS = 60_000;

/** What one attempt of an activity took, and what it may take; milliseconds of virtual time. */
interface Took {
  workflow: string;
  activity: string;
  attempt: number;
  tookMs: number;
  limitMs: number;
  silentMs: number;
  heartbeatMs?: number;
  /** All attempts so far, and the pauses between them. */
  altogetherMs: number;
  scheduleMs?: number;
}

/** One attempt's own time: what it sleeps at once does not add up. */
class Attempt {
  passedMs = 0;
  silentMs = 0;
  isDisturbed = false;
  private beatAt = 0;

  constructor(readonly changes: { seen: number }) {}

  async passes<Result>(ms: number, meanwhile: Promise<Result>): Promise<Result> {
    const endsAt = this.passedMs + ms;
    const result = await meanwhile;
    this.passedMs = Math.max(this.passedMs, endsAt);
    return result;
  }

  beats(): void {
    this.silentMs = Math.max(this.silentMs, this.passedMs - this.beatAt);
    this.beatAt = this.passedMs;
  }
}

/**
 * A clock that passes fast for what an activity waits for, and counts what each attempt would have taken in truth. The
 * first change of every activity fails before it takes effect, and the second loses its answer, while it `disturbs`.
 */
export class VirtualTime implements Waits {
  readonly reached = new Set<string>();
  disturbs = true;
  private took: Took[] = [];
  private readonly attempts = new AsyncLocalStorage<Attempt>();
  private readonly altogether = new Map<string, number>();
  private readonly changes = new Map<string, { seen: number }>();
  private readonly watched = new WeakSet<object>();

  now(): number {
    return Date.now() + (this.attempts.getStore()?.passedMs ?? 0);
  }

  sleep(ms: number): Promise<void> {
    return this.passes(ms, activitySleep(ms / SPEED));
  }

  rest(ms: number, signal?: AbortSignal): Promise<void> {
    return this.passes(ms, timer(ms / SPEED, undefined, { signal }));
  }

  /** Activities whose attempts are counted. */
  watching(activities: Activities): Activities {
    const watched = Object.entries(activities).map(([name, activity]) => [
      name,
      (input: never) => this.counted(() => (activity as (input: never) => Promise<unknown>)(input)),
    ]);
    return Object.fromEntries(watched) as Activities;
  }

  /** Clients whose calls take their time, and are disturbed. */
  clients(aws: AwsClients): AwsClients {
    return new Proxy(aws, {
      get: (target, name) => {
        const member: unknown = Reflect.get(target, name);
        if (typeof member !== 'function') return member;
        return (...args: unknown[]) =>
          this.watch((member as (...all: unknown[]) => unknown).apply(target, args));
      },
    });
  }

  /** What took too long since the last time, as a table. */
  tooLong(): string[] {
    const took = this.took;
    this.took = [];
    return took.filter(isTooLong).map(line);
  }

  private passes(ms: number, meanwhile: Promise<void>): Promise<void> {
    return this.attempts.getStore()?.passes(ms, meanwhile) ?? meanwhile;
  }

  /** A disturbed attempt is followed by the next at once: the server's own pauses would cost a second each. */
  private async counted(work: () => Promise<unknown>): Promise<unknown> {
    const context = Context.current();
    const { heartbeat, info } = context;
    const key = `${info.workflowExecution?.runId}/${info.activityId}`;
    const changes = this.changes.get(key) ?? { seen: 0 };
    this.changes.set(key, changes);
    let { heartbeatDetails } = info as { heartbeatDetails: unknown };
    for (let number = info.attempt; ; number++) {
      const attempt = new Attempt(changes);
      const beat = (details: unknown) => {
        heartbeatDetails = details;
        attempt.beats();
        heartbeat(details);
      };
      Object.assign(context, { heartbeat: beat, info: { ...info, attempt: number, heartbeatDetails } });
      try {
        return await this.attempts.run(attempt, work);
      } catch (error) {
        const isFinal = error instanceof ApplicationFailure && error.nonRetryable;
        if (!attempt.isDisturbed || isFinal || context.cancellationSignal.aborted) throw error;
      } finally {
        attempt.beats();
        this.note(key, attempt, context);
      }
    }
  }

  private note(key: string, { passedMs, silentMs }: Attempt, { info }: Context): void {
    const pauseMs =
      info.attempt === 1 ? 0 : Math.min(FIRST_PAUSE_MS * 2 ** (info.attempt - 2), LONGEST_PAUSE_MS);
    const altogetherMs = (this.altogether.get(key) ?? 0) + pauseMs + passedMs;
    this.altogether.set(key, altogetherMs);
    this.reached.add(info.activityType);
    this.took.push({
      workflow: info.workflowType ?? '',
      activity: info.activityType,
      attempt: info.attempt,
      tookMs: passedMs,
      limitMs: info.startToCloseTimeoutMs,
      silentMs,
      heartbeatMs: info.heartbeatTimeoutMs,
      altogetherMs,
      scheduleMs: info.scheduleToCloseTimeoutMs,
    });
  }

  private watch(client: unknown): unknown {
    if (!isClient(client) || this.watched.has(client)) return client;
    this.watched.add(client);
    client.middlewareStack.add(
      (next, context) => async (args) => {
        const attempt = this.attempts.getStore();
        if (!attempt) return next(args);
        const action = (context.commandName ?? '').replace(/Command$/, '');
        return attempt.passes(
          CALL_MS,
          this.disturb(attempt, action, args.input, () => next(args)),
        );
      },
      { step: 'initialize', name: 'virtualTime', priority: 'high' },
    );
    return client;
  }

  private async disturb<Answer>(
    attempt: Attempt,
    action: string,
    input: object,
    call: () => Promise<Answer>,
  ): Promise<Answer> {
    const isProbe = 'DryRun' in input && input.DryRun === true;
    if (!this.disturbs || isProbe || !isMutation({ action })) return call();
    const nth = ++attempt.changes.seen;
    attempt.isDisturbed ||= nth <= 2;
    if (nth === 1) throw Object.assign(new Error(`${action} failed once`), { name: 'InternalError' });
    const answer = await call();
    if (nth === 2) throw Object.assign(new Error(`no answer to ${action}`), { name: 'TimeoutError' });
    return answer;
  }
}

function isClient(thing: unknown): thing is EC2Client {
  return typeof thing === 'object' && thing !== null && 'middlewareStack' in thing;
}

function isTooLong({ tookMs, limitMs, silentMs, heartbeatMs, altogetherMs, scheduleMs }: Took): boolean {
  const exceeds = (ms: number, limit: number | undefined) => Boolean(limit) && ms >= Number(limit);
  return exceeds(tookMs, limitMs) || exceeds(silentMs, heartbeatMs) || exceeds(altogetherMs, scheduleMs);
}

function line(took: Took): string {
  const { workflow, activity, attempt, tookMs, limitMs, silentMs, heartbeatMs, altogetherMs, scheduleMs } =
    took;
  const of = (ms: number, limit: number | undefined) =>
    `${ms / 1000} s of ${limit ? `${limit / 1000} s` : 'any'}`;
  return [
    `${workflow}: ${activity}, attempt ${attempt}`,
    `took ${of(tookMs, limitMs)}`,
    `was silent for ${of(silentMs, heartbeatMs)}`,
    `altogether ${of(altogetherMs, scheduleMs)}`,
  ].join(' | ');
}
