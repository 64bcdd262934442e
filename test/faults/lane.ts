import type { Client, WorkflowHandle } from '@temporalio/client';
import { workflowIds } from '../../src/model/ids';
import { TASK_QUEUE } from '../../src/model/names';
import { anAccount } from '../support/accounts';
import { isMutation, type Fault } from '../support/awsProxy';
import type { AwsCall } from '../support/awsWire';
import { ANY_LOSS, MESSAGE, MigrationWorld } from '../support/migration';
import { anInstance } from '../support/seed';
import { TargetGroup } from '../support/targetGroups';
import { TEST_LIMITS, type TestLimits } from '../support/shortenTimeouts';
import type { World } from '../support/world';
import { judge, photograph, type Judgement, type Known } from './judge';
import { LOST, REFUSED, type Path, type Point } from './paths';

/** Role that aWorld gives every account of a lane by its wildcard. */
export const LANE_ROLE = 'holdfast';

/** More than any one activity makes of the same read: its retry has to get through. */
export const READ_TURNS = 4;

const HOOKS = { pre: { commands: ['sync'] }, post: { commands: ['true'] } };

/** A machine with two volumes that is about to be migrated, and how it was before. */
export type Subject = Known;

/** An account where one migration after the other is played; lanes of a world do so side by side. */
export class Lane {
  private unharmed: Subject | undefined;
  private group: TargetGroup | undefined;

  private constructor(
    private readonly world: World,
    readonly migrations: MigrationWorld,
  ) {}

  static async open(world: World): Promise<Lane> {
    const account = await anAccount(world.proxy.upstream.origin);
    return new Lane(world, await MigrationWorld.within(world, account));
  }

  async subject(): Promise<Subject> {
    const { unharmed } = this;
    this.unharmed = undefined;
    if (unharmed) return unharmed;
    const { instanceId } = await anInstance(this.migrations.account);
    await this.migrations.writeTo(instanceId);
    this.group ??= await TargetGroup.near(this.migrations.account, instanceId);
    await this.group.serving({ Id: instanceId, Port: 80 }, { Id: instanceId, Port: 8080 });
    return { instanceId, before: await photograph(this.migrations, instanceId, this.group) };
  }

  /** How a migration ended. A machine that is exactly as before serves the next one. */
  async judged(subject: Subject): Promise<Judgement> {
    const judgement = await judge(this.migrations, subject, this.group);
    const { instanceId, before } = subject;
    if (judgement.end === 'as before') this.unharmed = { instanceId, before };
    return judgement;
  }

  /** From here on calls are counted, and the nth of an action meets its fault. */
  arm({ refused }: Path, point?: Point, fault?: Fault): void {
    this.calls();
    if (refused) this.fault(refused, REFUSED);
    if (point && fault) this.fault(point, fault);
  }

  /** Loses the answer to one in `READ_TURNS` reads of each kind, beginning at its turn: a retry comes through. */
  armReads(path: Path, turn: number): void {
    this.arm(path);
    const seen = new Map<string, number>();
    const isDue = (call: AwsCall) => {
      if (isMutation(call)) return false;
      const times = (seen.get(call.action) ?? 0) + 1;
      seen.set(call.action, times);
      return times % READ_TURNS === turn % READ_TURNS;
    };
    this.world.proxy.fault(isDue, LOST, undefined, this.migrations.account.accountId);
  }

  /** The calls since the last time; the rules are gone afterwards. */
  calls(): AwsCall[] {
    return this.world.proxy.forget(this.migrations.account.accountId);
  }

  /** What comes before a path: a first run that is terminated, or one whose machine writes in its soak. */
  async prepared(client: Client, subject: Subject, path: Path, limits: TestLimits): Promise<Subject> {
    const { before } = path;
    if (!before) return subject;
    if ('terminated' in before) {
      const handle = this.handle(client, subject);
      const struck = new Promise<void>((resolve) => {
        this.fault(
          before.terminated,
          fallen(() => handle.terminate('swept').finally(resolve)),
        );
      });
      await this.start(client, subject, path, limits);
      await struck;
      return subject;
    }
    const handle = await this.start(client, subject, path, limits, {});
    await this.migrations.phase(handle, 'Soaking');
    await this.migrations.writeTo(subject.instanceId);
    return { ...subject, written: await this.migrations.contentOf(subject.instanceId) };
  }

  /** Begins the path itself. */
  async begin(client: Client, subject: Subject, path: Path, limits: TestLimits): Promise<WorkflowHandle> {
    if (!path.before || 'terminated' in path.before) return this.start(client, subject, path, limits);
    const handle = this.handle(client, subject);
    await tell(handle, path);
    return handle;
  }

  /** A migration that commits as soon as it may: what it leaves is final. */
  start(
    client: Client,
    { instanceId }: Subject,
    { strategy, served }: Path,
    limits: TestLimits,
    soak: { soakMs?: number } = { soakMs: 1 },
  ): Promise<WorkflowHandle> {
    const { target, key: kmsKeyArn } = this.migrations;
    return client.workflow.start('migrateMachine', {
      args: [
        {
          ...{ target, instanceId, kmsKeyArn, strategy, maxDowntimeMs: 600_000, ...soak },
          ...(served && { drain: true, hooks: HOOKS }),
        },
      ],
      taskQueue: TASK_QUEUE,
      workflowId: workflowIds.machine(target, instanceId),
      memo: { [TEST_LIMITS]: limits },
    });
  }

  /** The machine's run, whichever is the last one. */
  handle(client: Client, { instanceId }: Subject): WorkflowHandle {
    return client.workflow.getHandle(workflowIds.machine(this.migrations.target, instanceId));
  }

  close(): void {
    this.migrations.account.destroy();
  }

  private fault({ action, nth }: Point, fault: Fault): void {
    this.world.proxy.fault(action, fault, nth, this.migrations.account.accountId);
  }
}

/** The verdict of a path that has one. Said again it means the same. */
export async function tell(handle: WorkflowHandle, { before }: Path): Promise<void> {
  if (!before || !('verdict' in before)) return;
  const { verdict } = before;
  await handle.signal(verdict, { ...MESSAGE, ...(verdict === 'rollback' && ANY_LOSS) });
}

/** Something happens once a call has taken effect; its answer never arrives, so that nothing of that attempt goes on. */
export function fallen(what: () => Promise<unknown>): Fault {
  return {
    held: async () => {
      await what();
      throw new Error('nobody is there to hear the answer');
    },
  };
}

/**
 * Plays every item in whichever lane is free; the answers are in the order of the items. Where one fails, those that are being
 * played end first: nothing goes on when this has.
 */
export async function inLanes<Item, Answer>(
  lanes: readonly Lane[],
  items: readonly Item[],
  play: (lane: Lane, item: Item) => Promise<Answer>,
): Promise<Answer[]> {
  const answers: Answer[] = [];
  const waiting = [...items.entries()];
  const serve = async (lane: Lane) => {
    for (let next = waiting.shift(); next; next = waiting.shift()) {
      const [index, item] = next;
      answers[index] = await play(lane, item);
    }
  };
  const stop = (error: unknown): never => {
    waiting.length = 0;
    throw error;
  };
  const ended = await Promise.allSettled(lanes.map((lane) => serve(lane).catch(stop)));
  for (const end of ended) if (end.status === 'rejected') throw end.reason;
  return answers;
}
