import { readdirSync, readFileSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import type { WorkflowHandle } from '@temporalio/client';
import { historyToJSON } from '@temporalio/common/lib/proto-utils';
import { ROOT } from '../support/paths';

const FOLDER = path.join(ROOT, 'test/replay/histories');

/** A recorded history, in the form that the Web UI and `temporal workflow show --output json` use. */
export interface RecordedHistory {
  events: {
    workflowExecutionStartedEventAttributes?: { workflowId: string; workflowType: { name: string } };
    activityTaskScheduledEventAttributes?: { activityType: { name: string } };
  }[];
}

export function recordedNames(): string[] {
  return readdirSync(FOLDER).map((file) => path.basename(file, '.json'));
}

export function recorded(name: string): RecordedHistory {
  return JSON.parse(readFileSync(path.join(FOLDER, `${name}.json`), 'utf8')) as RecordedHistory;
}

/** Keeps a run's history, without what tells of the machine that recorded it: replay asks for none of that. */
export async function record(name: string, handle: WorkflowHandle): Promise<void> {
  const history: unknown = JSON.parse(historyToJSON(await handle.fetchHistory()));
  await mkdir(FOLDER, { recursive: true });
  await writeFile(path.join(FOLDER, `${name}.json`), `${JSON.stringify(history, anonymous, 1)}\n`);
}

function anonymous(key: string, value: unknown): unknown {
  if (key === 'stackTrace' || key === 'workerVersion') return undefined;
  if (key === 'identity') return 'holdfast';
  // Sticky task queues are named after the process.
  if (key === 'taskQueue' && isSticky(value)) return { name: 'sticky', kind: value.kind };
  return value;
}

function isSticky(value: unknown): value is { kind: string } {
  return (
    typeof value === 'object' && value !== null && 'kind' in value && value.kind === 'TASK_QUEUE_KIND_STICKY'
  );
}
