import { randomUUID } from 'node:crypto';
import {
  Client,
  Connection,
  WorkflowExecutionAlreadyStartedError,
  type WorkflowHandle,
} from '@temporalio/client';
import type { DataConverter } from '@temporalio/common';
import { ConfigError, oneLine, readTemporalConfig, type Environment } from '../config';
import type { Message, MessageName, RollbackMessage } from '../model/messages';
import { STARTED_BY_MEMO, TASK_QUEUE } from '../model/names';
import type { OperationName } from '../model/operations';
import type { ProgressPage } from '../model/progress';
import { loadDataConverter } from '../temporal/dataConverter';
import type * as workflows from '../workflows';
import { AlreadyStarted, InputRefused, operationFailed, unanswered } from './errors';
import { inputProblems } from './inputs';
import { summaryOf } from './summary';

type Workflows = typeof workflows;

/** Does not compile where src/workflows does not export one. */
export type OperationInput<Name extends OperationName> = Parameters<Workflows[Name]>[0];
export type OperationResult<Name extends OperationName> = Awaited<ReturnType<Workflows[Name]>>;

/** Of a query or a message: a worker that has to replay a long history first takes seconds. */
const ANSWER_MS = 30_000;

/** `TASK_QUEUE_TYPE_WORKFLOW` of Temporal's API. */
const WORKFLOW_QUEUE = 1;

export interface OperationOptions {
  /** Any id does; without one it is the operation's name and a random part. */
  workflowId?: string;
}

/** A connection to Temporal that starts operations and finds running ones. Close it. */
export class Holdfast {
  private constructor(
    readonly temporal: Client,
    private readonly connection: Connection,
  ) {}

  /**
   * Connects as the `temporal` CLI would: `TEMPORAL_*`, `temporal.toml`; payloads through `HOLDFAST_DATA_CONVERTER`.
   *
   * @throws ConfigError when a setting cannot be used or nothing answers
   */
  static async connect(environment: Environment = process.env): Promise<Holdfast> {
    const { connectionOptions, namespace, dataConverterModule } = readTemporalConfig(environment);
    const dataConverter: DataConverter | undefined = await loadDataConverter(dataConverterModule);
    try {
      const connection = await Connection.connect(connectionOptions);
      return new Holdfast(new Client({ connection, namespace, dataConverter }), connection);
    } catch (error) {
      throw new ConfigError(
        `TEMPORAL_ADDRESS: cannot connect to Temporal at ${connectionOptions.address}: ${oneLine(error)}`,
      );
    }
  }

  /**
   * Starts an operation; whoever starts it may leave, and find it again by its id.
   *
   * @throws InputRefused naming every wrong field, with nothing started
   * @throws AlreadyStarted where the id is taken
   */
  async start<Name extends OperationName>(
    name: Name,
    input: OperationInput<Name>,
    { workflowId = `${name}/${randomUUID()}` }: OperationOptions = {},
  ): Promise<Operation<OperationResult<Name>>> {
    const problems = inputProblems(name, input);
    if (problems !== undefined) throw new InputRefused(`${name}: ${problems}`, workflowId);
    const handle = await this.temporal.workflow
      .start(name, {
        args: [input],
        taskQueue: TASK_QUEUE,
        workflowId,
        memo: { [STARTED_BY_MEMO]: 'client' },
        staticSummary: summaryOf(name, input),
      })
      .catch((error: unknown) => {
        if (error instanceof WorkflowExecutionAlreadyStartedError)
          throw new AlreadyStarted(workflowId, { cause: error });
        throw error;
      });
    return new Operation(this.temporal, handle as WorkflowHandle);
  }

  /**
   * Runs an operation to its end.
   *
   * @throws OperationFailed when not everything that was asked for happened; it carries what did
   */
  async run<Name extends OperationName>(
    name: Name,
    input: OperationInput<Name>,
    options?: OperationOptions,
  ): Promise<OperationResult<Name>> {
    return (await this.start(name, input, options)).result();
  }

  /** An operation that somebody started before, by its workflow id. */
  operation<Result = unknown>(workflowId: string): Operation<Result> {
    return new Operation(this.temporal, this.temporal.workflow.getHandle(workflowId));
  }

  /** Whether a worker has polled in the last minutes; without one whatever is started waits. */
  async hasWorker(): Promise<boolean> {
    const { pollers } = await this.temporal.workflowService.describeTaskQueue({
      namespace: this.temporal.options.namespace,
      taskQueue: { name: TASK_QUEUE },
      taskQueueType: WORKFLOW_QUEUE,
    });
    return !!pollers?.length;
  }

  async close(): Promise<void> {
    await this.connection.close();
  }
}

/** One started operation: its result, its progress, and what people may tell it. */
export class Operation<Result = unknown> {
  constructor(
    private readonly temporal: Client,
    private readonly handle: WorkflowHandle,
  ) {}

  get workflowId(): string {
    return this.handle.workflowId;
  }

  /** @throws OperationFailed when not everything that was asked for happened; it carries what did */
  async result(): Promise<Result> {
    try {
      return (await this.handle.result()) as Result;
    } catch (error) {
      throw operationFailed<Result>(error, this.workflowId);
    }
  }

  /**
   * One page of what is under way; pass `nextCursor` of the last page for the next.
   *
   * @throws NoWorkerAnswered
   */
  async progress(cursor?: string): Promise<ProgressPage> {
    return this.awaitAnswer(() =>
      this.handle.query<ProgressPage, [{ cursor?: string }]>('progress', { cursor }),
    );
  }

  /** Asks it to stop; before the point of no return it undoes what it did. */
  async cancel(): Promise<void> {
    await this.handle.cancel();
  }

  readonly approve = this.message('approve');
  readonly reject = this.message('reject');
  readonly pause = this.message('pause');
  readonly resume = this.message('resume');
  readonly cancelItem = this.message('cancelItem');
  readonly rollback = this.message<RollbackMessage>('rollback');
  readonly commit = this.message('commit');

  /**
   * An update: it returns when the workflow has accepted the message, and throws its reason when it has not, or
   * NoWorkerAnswered.
   */
  private message<Said extends Message>(name: MessageName): (message: Said) => Promise<void> {
    return (message) => this.awaitAnswer(() => this.handle.executeUpdate(name, { args: [message] }));
  }

  private async awaitAnswer<Answer>(ask: () => Promise<Answer>): Promise<Answer> {
    try {
      return await this.temporal.withDeadline(Date.now() + ANSWER_MS, ask);
    } catch (error) {
      throw unanswered(error, this.workflowId);
    }
  }
}
