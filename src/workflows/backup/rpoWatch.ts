import { CancellationScope, sleep } from '@temporalio/workflow';
import type { BackupTargetRequest, BackupTargetResult } from '../../model/backup/run';
import { formatDuration } from '../../model/duration';
import { targetKey } from '../../model/target';
import { tellPeople } from '../support/notices';

type Judged = Pick<BackupTargetRequest, 'policy' | 'slotMs' | 'begunMs'>;

/** When the points before this run's violate the RPO; a late start is no fault of its own. */
export function dueMs({ policy, slotMs, begunMs }: Judged): number {
  return Math.max(slotMs, begunMs) + policy.rpoMs - policy.frequencyMs;
}

/** Tells people while there is time, when half of what the RPO leaves to the run is gone. */
export async function watchRpoDuring<Result>(
  request: BackupTargetRequest,
  result: BackupTargetResult,
  body: () => Promise<Result>,
): Promise<Result> {
  const watch = new CancellationScope();
  // Cancelled with the run or by its end; neither is a failure.
  const watching = watch.run(() => warnOfRpo(request, result)).catch(() => undefined);
  try {
    return await body();
  } finally {
    watch.cancel();
    await watching;
  }
}

async function warnOfRpo(request: BackupTargetRequest, result: BackupTargetResult): Promise<void> {
  const { policy, target, slotMs, begunMs } = request;
  const due = dueMs(request);
  const atRiskInMs = (Math.max(slotMs, begunMs) + due) / 2 - Date.now();
  // In the past: an earlier run of the chain has told.
  if (atRiskInMs <= 0) return;
  await sleep(atRiskInMs, { summary: 'Until the RPO is at risk' });
  const left = formatDuration(due - Date.now());
  const summary = `${policy.policyName} in ${targetKey(target)}: ${result.protected} resources are protected so far, and in ${left} the points before violate the RPO`;
  await tellPeople({ kind: 'RpoAtRisk', summary, policyName: policy.policyName });
}
