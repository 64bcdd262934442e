import { ApplicationFailure, condition, patched, workflowInfo } from '@temporalio/workflow';
import {
  howToSend,
  lossNotAccepted,
  parseRollback,
  type Message,
  type RollbackMessage,
} from '../../model/messages';
import type { FailedItem } from '../../model/outcome';
import { fail } from '../support/failure';
import { handleMessage, handleParsedMessage } from '../support/messages';
import { tellOfNeed } from '../support/notices';
import type { Run } from '../support/operation';

export type Verdict = 'commit' | 'rollback';

/** While originals are kept. */
export interface Soak {
  /** After so long they are deleted; without it they wait for a verdict. */
  soakMs?: number;
  /** Since then the new volumes may hold what the originals do not: milliseconds since the epoch. */
  writesSince: number;
}

/** What ends a step that waits for a person, and is no failure of it. */
const DIVERSIONS = {
  /** People have decided otherwise while nothing that cannot be undone was done. */
  verdictChanged: 'VerdictChanged',
  /** The machine is terminated: no step of it can be done any more. */
  machineGone: 'MachineGone',
} as const;
type Diversion = (typeof DIVERSIONS)[keyof typeof DIVERSIONS];

export function machineGone(instanceId: string): ApplicationFailure {
  return fail(DIVERSIONS.machineGone, `${instanceId} was terminated`);
}

export function isDiversion(error: unknown, kind?: keyof typeof DIVERSIONS): boolean {
  if (!(error instanceof ApplicationFailure)) return false;
  return kind ? error.type === DIVERSIONS[kind] : Object.values(DIVERSIONS).includes(error.type as Diversion);
}

/** What people have told this migration: commit or roll back while it soaks, resume when an undo is stuck. */
export class Orders {
  private soaking = false;
  /** Since then the new volumes hold what the originals do not: milliseconds since the epoch. */
  private writesSince = 0;
  private stuck = false;
  private verdict: Verdict | undefined;
  /** The verdict that is carried out; none while one is waited for. */
  private acting: Verdict | undefined;
  /** What is under way can be left for another verdict: until the first step that cannot be undone. */
  private leavable = false;
  /** Something that cannot be undone has been done by a run before this one. */
  private insists = false;
  /** Not in what 0.1.0 began: there a verdict stood once it was given. */
  private mayChange = false;

  constructor(private readonly run: Run) {
    const notSoaking = () =>
      this.soaking || this.verdict ? undefined : 'only a migration in soak can be told that; see its phase';
    const canChange = () => this.stuck && this.leavable && this.mayChange;
    const decide =
      (verdict: Verdict) =>
      ({ by, reason }: Message) => {
        if (this.verdict && !canChange()) return;
        this.verdict = verdict;
        run.remark(`Told to ${verdict} by ${by}: ${reason}`);
      };
    const tooLate = (verdict: Verdict) => () =>
      this.verdict && this.verdict !== verdict && !canChange()
        ? `it was told to ${this.verdict} already`
        : notSoaking();
    handleMessage('commit', decide('commit'), tooLate('commit'));
    handleParsedMessage(
      'rollback',
      parseRollback,
      decide('rollback'),
      (message: RollbackMessage) => tooLate('rollback')() ?? lossNotAccepted(message, this.writesSince),
    );
    handleMessage('resume', () => (this.stuck = false));
  }

  get given(): Verdict | undefined {
    return this.verdict;
  }

  /** Waits for a verdict; after `soakMs` without one it is `commit`. */
  async awaitVerdictWithin({ soakMs, writesSince }: Soak): Promise<Verdict> {
    return (await this.awaitVerdictBefore(soakMs, writesSince)) ?? this.commitByItself();
  }

  /** Waits for a verdict, no longer than so many milliseconds where that is said. It is taken afterwards too. */
  async awaitVerdictBefore(
    waitMs: number | undefined,
    writesSince: number,
    summary = 'Soak: originals are kept',
  ): Promise<Verdict | undefined> {
    this.offer(writesSince);
    const decided = () => this.verdict !== undefined;
    if (waitMs === undefined) await condition(decided);
    else await condition(decided, waitMs, { summary });
    return this.verdict;
  }

  /** Takes verdicts from now on. */
  offer(writesSince: number): void {
    this.writesSince = writesSince;
    this.soaking = true;
  }

  /** What comes next is not to be left for a verdict, though one that was given stands. */
  withdraw(): void {
    this.soaking = false;
    this.leavable = false;
  }

  /** A step that is stuck can be left for a verdict. */
  leave(): void {
    this.leavable = true;
  }

  /** A cancel while it soaks; a verdict that was given before it stands. */
  rollBackByCancel(): Verdict {
    return (this.verdict ??= 'rollback');
  }

  /** The time is over without a word. */
  commitByItself(): Verdict {
    return (this.verdict ??= 'commit');
  }

  /** A commit had begun, and can only be finished. */
  insistOnCommit(): void {
    this.verdict = 'commit';
    this.insists = true;
  }

  /** Begins to carry a verdict out. */
  carryOut(verdict: Verdict): void {
    this.soaking = false;
    this.verdict = verdict;
    this.acting = verdict;
    this.leavable = !this.insists;
  }

  /** The next step cannot be undone: the verdict stands. */
  finalize(): void {
    this.leavable = false;
  }

  /**
   * Says what a person must do, and waits until somebody says that it is done.
   *
   * @throws ApplicationFailure VerdictChanged where another verdict than the one that is carried out was given
   */
  async awaitResume({ item, message }: FailedItem): Promise<void> {
    const knowsMore = patched('stuck-moves-tell-people-and-take-verdicts');
    this.mayChange = knowsMore;
    if (this.isOverruled) throw this.overruled();
    this.stuck = true;
    this.run.phase('Needs a person');
    this.run.row(item, 'stuck', message);
    this.run.remark(
      `**${item}** failed: ${message}. Put that right, then send \`resume\`; the step is tried again${knowsMore ? this.wayOut() : ''}.\n\n${howToSend(workflowInfo().workflowId, { resume: {} })}`,
    );
    if (knowsMore) await tellOfNeed(`${item}: ${message}`);
    await condition(() => !this.stuck || this.isOverruled);
    this.stuck = false;
    if (this.isOverruled) throw this.overruled();
    this.run.row(item, 'resumed');
  }

  private overruled(): ApplicationFailure {
    return fail(DIVERSIONS.verdictChanged, `it was told to ${this.verdict}`);
  }

  private get isOverruled(): boolean {
    const { verdict, acting } = this;
    return this.mayChange && this.leavable && verdict !== undefined && verdict !== acting;
  }

  private wayOut(): string {
    if (!this.leavable) return '';
    if (this.acting === 'commit') return '; or send `rollback`';
    return this.acting === 'rollback' ? '; or send `commit`' : '; or send `rollback` or `commit`';
  }
}

/** Does a step that must not be left out: what fails waits for a person, and is tried again. */
export async function tryUntilDone(
  orders: Orders,
  item: string,
  step: () => Promise<unknown>,
  describe: (error: unknown) => FailedItem,
): Promise<void> {
  for (;;) {
    try {
      await step();
      return;
    } catch (error) {
      if (isDiversion(error)) throw error;
      await orders.awaitResume(describe(error));
    }
  }
}
