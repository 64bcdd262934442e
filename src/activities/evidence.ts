import type { ActivityDeps } from './deps';

export interface Evidence {
  workflowType: string;
  workflowId: string;
  runId: string;
  outcome: string;
  request: unknown;
  result: unknown;
  /** Milliseconds since the epoch. */
  startedAt: number;
}

export function evidenceKey({
  workflowType,
  runId,
  startedAt,
}: Pick<Evidence, 'workflowType' | 'runId' | 'startedAt'>): string {
  return `${new Date(startedAt).toISOString().slice(0, 10)}/${workflowType}/${runId}.json`;
}

export function evidenceActivities({ evidence, clock }: ActivityDeps) {
  return {
    /** Writes one run's evidence under `<day>/<workflow type>/<run id>.json`; a second write replaces the first. */
    async recordEvidence(entry: Evidence): Promise<void> {
      const document = {
        schemaVersion: 1,
        ...entry,
        startedAt: new Date(entry.startedAt).toISOString(),
        finishedAt: new Date(clock.now()).toISOString(),
      };
      await evidence.put(evidenceKey(entry), JSON.stringify(document, null, 2));
    },
  };
}
