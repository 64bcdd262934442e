import { readdirSync, readFileSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import type { WorkflowHandle } from '@temporalio/client';
import { historyToJSON } from '@temporalio/common/lib/proto-utils';
import { ROOT } from '../support/paths';

/** A folder for each version that runs may still be from: `0.1.0/runBackup.succeeded.json`. */
const FOLDER = path.join(ROOT, 'test/replay/histories');
const { version } = JSON.parse(readFileSync(path.join(ROOT, 'package.json'), 'utf8')) as { version: string };

/** A recorded history, in the form that the Web UI and `temporal workflow show --output json` use. */
export interface RecordedHistory {
  events: {
    workflowExecutionStartedEventAttributes?: { workflowId: string; workflowType: { name: string } };
    activityTaskScheduledEventAttributes?: { activityType: { name: string } };
  }[];
}

/** Of every version, the oldest first: `0.1.0/runBackup.succeeded`. */
export function recordedNames(): string[] {
  return readdirSync(FOLDER)
    .sort((a, b) => a.localeCompare(b, undefined, { numeric: true }))
    .flatMap((of) =>
      readdirSync(path.join(FOLDER, of)).map((file) => `${of}/${path.basename(file, '.json')}`),
    );
}

/** The name of what was recorded last under this name. */
export function newest(name: string): string {
  const found = recordedNames().findLast((each) => path.basename(each) === name);
  if (!found) throw new Error(`no history of ${name} is recorded: npm run record`);
  return found;
}

export function recorded(name: string): RecordedHistory {
  return JSON.parse(readFileSync(path.join(FOLDER, `${name}.json`), 'utf8')) as RecordedHistory;
}

/** What a released version has recorded stays as it is: runs of it may be under way anywhere. */
export function refuseReleased(): void {
  const changelog = readFileSync(path.join(ROOT, 'CHANGELOG.md'), 'utf8');
  if (changelog.includes(`\n## [${version}]`))
    throw new Error(
      `${version} is released, and so are its histories: give package.json the next version first`,
    );
}

/** Keeps a run's history, without what tells of the machine that recorded it: replay asks for none of that. */
export async function record(name: string, handle: WorkflowHandle): Promise<void> {
  const history: unknown = JSON.parse(historyToJSON(await handle.fetchHistory()));
  const folder = path.join(FOLDER, version);
  await mkdir(folder, { recursive: true });
  await writeFile(path.join(folder, `${name}.json`), `${JSON.stringify(history, anonymous, 1)}\n`);
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
