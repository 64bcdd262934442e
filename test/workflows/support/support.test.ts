import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { activityInfo } from '@temporalio/activity';
import { WorkflowFailedError, WorkflowUpdateFailedError, type WorkflowHandle } from '@temporalio/client';
import { ActivityFailure, ApplicationFailure } from '@temporalio/common';
import { bundleWorkflowCode, DefaultLogger, Worker } from '@temporalio/worker';
import type { TestWorkflowEnvironment } from '@temporalio/testing';
import type { Evidence } from '../../../src/activities/support/evidence';
import { FAILURE } from '../../../src/model/failures';
import { TASK_QUEUE } from '../../../src/model/names';
import type { Notification } from '../../../src/model/notification';
import { failureOf } from '../../support/failure';
import { inPhase } from '../../support/phase';
import { devServer } from '../../support/temporal';
import { until } from '../../support/until';

const BY = { by: 'ann', reason: 'looks good' };

describe('what workflows share', () => {
  let server: TestWorkflowEnvironment;
  let worker: Worker;
  let running: Promise<void>;
  const evidence: Evidence[] = [];
  const told: Notification[] = [];
  let sinkFails = false;

  beforeAll(async () => {
    const [started, workflowBundle] = await Promise.all([
      devServer(),
      bundleWorkflowCode({
        workflowsPath: require.resolve('./workflows.ts'),
        logger: new DefaultLogger('WARN'),
      }),
    ]);
    server = started;
    worker = await Worker.create({
      connection: server.nativeConnection,
      taskQueue: TASK_QUEUE,
      workflowBundle,
      activities: {
        recordEvidence(entry: Evidence) {
          if (sinkFails) throw new Error('disk full');
          evidence.push(entry);
        },
        notify({ notification }: { notification: Notification }) {
          told.push(notification);
        },
        async trouble(how: 'refused' | 'late' | 'silent') {
          if (how === 'refused') throw ApplicationFailure.nonRetryable('no such disk', 'NotFound', how);
          if (how === 'late' && activityInfo().attempt === 1) throw new Error('the disk is busy');
          await sleep(3_000);
        },
      },
    });
    running = worker.run();
  });
  beforeEach(() => {
    evidence.length = 0;
    told.length = 0;
    sinkFails = false;
  });
  afterAll(async () => {
    worker.shutdown();
    await running;
    await server.teardown();
  });

  const start = (type: string, input?: unknown): Promise<WorkflowHandle> =>
    server.client.workflow.start(type, {
      args: [input],
      taskQueue: TASK_QUEUE,
      workflowId: `${type}-${randomUUID()}`,
    });
  const outcomeOf = async (handle: WorkflowHandle) =>
    (await handle.describe()).searchAttributes.HoldfastOutcome?.[0];

  describe('operation', () => {
    it.each([
      ['failed', 'KeyUnusable', 'Failed', { type: 'KeyUnusable', message: 'the key is disabled' }],
      ['partly', FAILURE.partialFailure, 'PartialFailure', { done: 'some' }],
      ['wholly', FAILURE.allFailed, 'AllFailed', { done: 'some' }],
    ])(
      'that ends %s says so in type, outcome and evidence, and tells people',
      async (end, type, outcome, result) => {
        const handle = await start('framed', { end, requestedBy: 'ann' });
        const failure = await failureOf(handle.result());
        expect(failure).toMatchObject({ type, nonRetryable: true });
        expect(await outcomeOf(handle)).toBe(outcome);
        expect(evidence).toEqual([
          expect.objectContaining({ outcome, result, request: { end, requestedBy: 'ann' } }),
        ]);
        expect(told).toEqual([
          expect.objectContaining({ kind: 'Failed', outcome, workflowId: handle.workflowId }),
        ]);
      },
    );

    it('that is a dry run tells nobody: who tries something out sits before it', async () => {
      const handle = await start('framed', { end: 'failed', dryRun: true });
      expect(await failureOf(handle.result())).toMatchObject({ type: 'KeyUnusable' });
      expect(evidence).toMatchObject([{ outcome: 'Failed' }]);
      expect(told).toEqual([]);
    });

    it.each([
      ['is refused', 'refused', 'NotFound', /^no such disk$/],
      ['fails until its time is over', 'late', 'Timeout', /^trouble: .* the disk is busy$/],
      ['does not answer', 'silent', 'Timeout', /^trouble: .*timeout/i],
    ])('says first why where an activity %s', async (_what, end, type, message) => {
      const handle = await start('framed', { end });
      const failed: unknown = await handle.result().catch((error: unknown) => error);
      expect(failed).toBeInstanceOf(WorkflowFailedError);
      const { cause: headline } = failed as WorkflowFailedError;
      expect(headline).toBeInstanceOf(ApplicationFailure);
      expect(headline).toMatchObject({ type, message: expect.stringMatching(message) as string });
      expect((headline as ApplicationFailure).cause).toBeInstanceOf(ActivityFailure);
      if (end === 'refused') expect(headline).toMatchObject({ nonRetryable: true, details: ['refused'] });
      const [evidenceOf] = evidence as [Evidence];
      expect(JSON.stringify(evidenceOf.result)).toContain(end === 'late' ? 'the disk is busy' : '');
      expect(told[0]?.summary).toContain(end === 'late' ? 'the disk is busy' : type);
    });

    it('returns the result when all went well', async () => {
      const handle = await start('framed', { end: 'well' });
      expect(await handle.result()).toEqual({ done: 'some' });
      expect(await outcomeOf(handle)).toBe('Succeeded');
      expect(evidence).toHaveLength(1);
    });

    it('leaves evidence of a cancelled run too', async () => {
      const handle = await start('framed', { end: 'waiting' });
      await inPhase(handle, 'Working');
      await handle.cancel();
      await expect(handle.result()).rejects.toThrow();
      expect(await outcomeOf(handle)).toBe('Cancelled');
      expect(evidence).toEqual([expect.objectContaining({ outcome: 'Cancelled' })]);
    });

    it('has neither outcome nor evidence when it continues as new', async () => {
      const handle = await start('framed', { end: 'again' });
      expect(await handle.result()).toEqual({ done: 'some' });
      expect(evidence).toHaveLength(1);
      expect(evidence[0]?.runId).not.toBe((handle as { firstExecutionRunId?: string }).firstExecutionRunId);
    });

    it('with a defect stays open for a fixed worker, and records nothing', async () => {
      const handle = await start('framed', { end: 'defect' });
      await until(async () => {
        const { raw } = await handle.describe();
        return (raw.pendingWorkflowTask?.attempt ?? 0) > 1;
      });
      expect((await handle.describe()).status.name).toBe('RUNNING');
      expect(evidence).toEqual([]);
      await handle.terminate();
    });

    it.each([
      ['an unknown end', { end: 'ill' }, 'end: '],
      ['an unknown field', { end: 'well', force: true }, 'force: not a field'],
      ['nothing', undefined, 'the input must be one JSON object'],
    ])('refuses %s, and says what to do', async (_what, input, message) => {
      const handle = await start('framed', input);
      const failure = await failureOf(handle.result());
      expect(failure).toMatchObject({ type: FAILURE.invalidInput, nonRetryable: true });
      expect(failure.message).toContain(message);
      expect(await outcomeOf(handle)).toBe('InvalidInput');
    });

    it('answers progress while it runs, page by page', async () => {
      const handle = await start('framed', { end: 'waiting' });
      await inPhase(handle, 'Working');
      expect(await handle.query('progress')).toEqual({
        phase: 'Working',
        counts: { begun: 1 },
        rows: [{ item: 'a | b', state: 'begun', note: 'line\nbreak' }],
      });
      await handle.terminate();
    });
  });

  describe('UndoStack', () => {
    const unwind = async (input: object) => (await start('unwinds', input)).result() as Promise<object>;

    it('undoes the last step first, parts it took over included, and each once', async () => {
      const order = ['last', 'part two', 'part one', 'first'];
      expect(await unwind({})).toEqual({ order, undone: order, failed: [] });
    });

    it('reports a step that cannot be undone, and undoes the others', async () => {
      expect(await unwind({ bad: 'part two' })).toEqual({
        order: ['last', 'part one', 'first'],
        undone: ['last', 'part one', 'first'],
        failed: [{ item: 'part two', type: 'Conflict', message: 'in the way' }],
      });
    });

    it('tries a step again, before any earlier one, as long as somebody helps', async () => {
      const order = ['last', 'part two', 'part one', 'first'];
      expect(await unwind({ bad: 'part two', stuck: 3 })).toEqual({ order, undone: order, failed: [] });
    });
  });

  describe('undoAndRethrow', () => {
    it('ends the run with its own failure', async () => {
      const failure = await failureOf((await start('undoing', {})).result());
      expect(failure).toMatchObject({ type: 'ResourceFailed', message: 'the copy failed' });
    });

    it('adds what could not be undone', async () => {
      const failure = await failureOf((await start('undoing', { bad: true })).result());
      expect(failure.type).toBe('ResourceFailed');
      expect(failure.message).toBe('the copy failed. Not undone, do it by hand: the disk (may not detach)');
    });

    it('leaves a cancelled run cancelled', async () => {
      const handle = await start('undoing', { wait: true });
      await inPhase(handle, 'Working');
      await handle.cancel();
      await expect(handle.result()).rejects.toThrow();
      expect((await handle.describe()).status.name).toBe('CANCELLED');
    });
  });

  describe('messages', () => {
    it('are taken as update and as signal', async () => {
      const handle = await start('listens');
      await handle.signal('approve', { by: 'bob', reason: 'me too' });
      expect(await handle.executeUpdate('approve', { args: [BY] })).toEqual({
        accepted: true,
        message: 'approve',
      });
      expect(await handle.result()).toEqual(['bob: me too', 'ann: looks good']);
    });

    it.each([
      ['nobody', { reason: 'x' }, 'approve: by: '],
      ['no reason', { by: 'ann', reason: '' }, 'approve: reason: say why'],
      ['more than is asked', { ...BY, force: true }, 'approve: force: not a field'],
      ['no object', 'yes', 'approve: the input must be one JSON object'],
    ])('of %s are refused with one clear error, and change nothing', async (_what, message, problem) => {
      const handle = await start('listens');
      const refused = await handle
        .executeUpdate('approve', { args: [message] })
        .catch((error: unknown) => error);
      expect(refused).toBeInstanceOf(WorkflowUpdateFailedError);
      const cause = (refused as WorkflowUpdateFailedError).cause as ApplicationFailure;
      expect(cause.type).toBe(FAILURE.invalidInput);
      expect(cause.message).toContain(problem);
      await handle.signal('approve', message);
      await handle.signal('approve', BY);
      expect(await handle.result()).toEqual(['ann: looks good']);
    });

    it('that make no sense now are refused with the reason', async () => {
      const handle = await start('listens');
      await handle.executeUpdate('pause', { args: [BY] });
      const refused = await handle.executeUpdate('pause', { args: [BY] }).catch((error: unknown) => error);
      expect((refused as WorkflowUpdateFailedError).cause?.message).toBe('pause: it is paused already');
      await handle.signal('pause', BY);
      await handle.signal('approve', BY);
      expect(await handle.result()).toEqual(['paused by ann', 'ann: looks good']);
    });
  });
});
