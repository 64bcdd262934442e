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

export function evidenceActivities({ evidence, clock }: ActivityDeps) {
  return {
    /** Writes one run's evidence under `<day>/<workflow type>/<run id>.json`; a second write replaces the first. */
    async recordEvidence(entry: Evidence): Promise<void> {
      const startedAt = new Date(entry.startedAt).toISOString();
      const document = {
        schemaVersion: 1,
        ...entry,
        startedAt,
        finishedAt: new Date(clock.now()).toISOString(),
      };
      const key = `${startedAt.slice(0, 10)}/${entry.workflowType}/${entry.runId}.json`;
      await evidence.put(key, JSON.stringify(document, null, 2));
    },
  };
}
