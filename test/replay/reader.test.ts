import { Worker } from '@temporalio/worker';
import { shared } from '../support/shared';
import { recorded } from './histories';

type Event = Record<string, any>;
const b64 = (v: unknown) => Buffer.from(JSON.stringify(v)).toString('base64');

function stuckAtDelete(signals: [string, object][]) {
  const history = recorded('0.1.0/migrateMachine.committed') as unknown as { events: Event[] };
  const { events } = history;
  const i = events.findIndex(
    (e) => e.activityTaskScheduledEventAttributes?.activityType.name === 'deleteOriginals',
  );
  const head = events.slice(0, i + 2);
  const tail = events.slice(i + 2);
  const scheduled = events[i] as Event;
  const started = events[i + 1] as Event;
  const extra: Event[] = [];
  let id = Number(started.eventId);
  const add = (eventType: string, attributes: Event) => {
    extra.push({
      eventId: String(++id),
      eventTime: started.eventTime,
      eventType,
      taskId: started.taskId,
      ...attributes,
    });
    return String(id);
  };
  const task = () => {
    const s = add('EVENT_TYPE_WORKFLOW_TASK_SCHEDULED', {
      workflowTaskScheduledEventAttributes: {
        taskQueue: { name: 'sticky', kind: 'TASK_QUEUE_KIND_STICKY' },
        startToCloseTimeout: '10s',
        attempt: 1,
      },
    });
    const st = add('EVENT_TYPE_WORKFLOW_TASK_STARTED', {
      workflowTaskStartedEventAttributes: {
        scheduledEventId: s,
        identity: 'holdfast',
        requestId: `r${s}`,
        historySizeBytes: '48000',
      },
    });
    return add('EVENT_TYPE_WORKFLOW_TASK_COMPLETED', {
      workflowTaskCompletedEventAttributes: {
        scheduledEventId: s,
        startedEventId: st,
        identity: 'holdfast',
        sdkMetadata: {},
        meteringMetadata: {},
      },
    });
  };
  add('EVENT_TYPE_ACTIVITY_TASK_FAILED', {
    activityTaskFailedEventAttributes: {
      failure: {
        message: 'denied',
        source: 'TypeScriptSDK',
        applicationFailureInfo: { type: 'AccessDenied', nonRetryable: true },
      },
      scheduledEventId: scheduled.eventId,
      startedEventId: started.eventId,
      identity: 'holdfast',
      retryState: 'RETRY_STATE_NON_RETRYABLE_FAILURE',
    },
  });
  let done = task();
  const upsert = events.find(
    (e) => e.upsertWorkflowSearchAttributesEventAttributes,
  )?.upsertWorkflowSearchAttributesEventAttributes;
  add('EVENT_TYPE_UPSERT_WORKFLOW_SEARCH_ATTRIBUTES', {
    upsertWorkflowSearchAttributesEventAttributes: { ...upsert, workflowTaskCompletedEventId: done },
  });
  for (const [signalName, payload] of signals) {
    add('EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED', {
      workflowExecutionSignaledEventAttributes: {
        signalName,
        identity: 'holdfast',
        header: {},
        input: { payloads: [{ metadata: { encoding: 'anNvbi9wbGFpbg==' }, data: b64(payload) }] },
      },
    });
    done = task();
  }
  const attributes = structuredClone(scheduled.activityTaskScheduledEventAttributes);
  attributes.activityId = String(Number(attributes.activityId) + 1);
  attributes.workflowTaskCompletedEventId = done;
  const again = add('EVENT_TYPE_ACTIVITY_TASK_SCHEDULED', {
    activityTaskScheduledEventAttributes: attributes,
    userMetadata: scheduled.userMetadata,
  });
  add('EVENT_TYPE_ACTIVITY_TASK_STARTED', {
    activityTaskStartedEventAttributes: {
      ...started.activityTaskStartedEventAttributes,
      scheduledEventId: again,
    },
  });
  const shift = id - Number(started.eventId);
  const from = Number(started.eventId);
  const renumber = (key: string, value: unknown): unknown => {
    if (
      /eventid$/i.test(key) &&
      typeof value === 'string' &&
      value !== '0' &&
      key !== 'parentInitiatedEventId'
    ) {
      const n = Number(value);
      if (n > from) return String(n + shift);
      if (n === Number(scheduled.eventId)) return again;
      if (n === from) return String(id);
    }
    return value;
  };
  const later = (JSON.parse(JSON.stringify(tail, renumber)) as Event[]).map((e) => {
    const a = e.activityTaskScheduledEventAttributes;
    if (a) a.activityId = String(Number(a.activityId) + 1);
    return e;
  });
  return { events: [...head, ...extra, ...later] };
}

function replay(history: { events: Event[] }): Promise<void> {
  const workflowId = history.events[0]?.workflowExecutionStartedEventAttributes?.workflowId;
  return Worker.runReplayHistory({ workflowBundle: { codePath: shared('bundle') } }, history, workflowId);
}
const by = { by: 'ann', reason: 'x' };

it('control: stuck and resumed replays', async () => {
  await replay(stuckAtDelete([['resume', by]]));
});
it('a rollback signal that 0.1.0 refused while its commit was stuck replays', async () => {
  await replay(
    stuckAtDelete([
      ['rollback', { ...by, acceptWriteLossSince: '2020-01-01T00:00:00Z' }],
      ['resume', by],
    ]),
  );
});
