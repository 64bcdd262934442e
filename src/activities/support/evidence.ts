import { Context, log } from '@temporalio/activity';
import type { Heartbeat } from '../../telemetry/heartbeats';
import type { ActivityDeps } from './deps';
import { passes } from './failedItem';

/** Attempts after which evidence is not written again for alarms that cannot be told. */
const PATIENT_ATTEMPTS = 5;

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

/** What one run leaves: its evidence and, of a backup, what its alarms are told. */
export type RunsEnd = Evidence & { heartbeat?: Omit<Heartbeat, 'at'> };

export function evidenceActivities({ evidence, heartbeats, calendar }: ActivityDeps) {
  /** It must not keep evidence from being written, nor have it called unwritten. */
  const tellAlarms = async (heartbeat: Omit<Heartbeat, 'at'>) => {
    try {
      await heartbeats.beat({ ...heartbeat, at: calendar.now() });
    } catch (error) {
      if (passes(error) && Context.current().info.attempt < PATIENT_ATTEMPTS) throw error;
      log.warn('the alarms could not be told', { error });
    }
  };
  return {
    /** Writes one run's evidence under `<day>/<workflow type>/<run id>.json`; a second write replaces the first. */
    async recordEvidence({ heartbeat, ...entry }: RunsEnd): Promise<void> {
      const document = {
        schemaVersion: 1,
        ...entry,
        startedAt: new Date(entry.startedAt).toISOString(),
        finishedAt: new Date(calendar.now()).toISOString(),
      };
      await evidence.put(evidenceKey(entry), JSON.stringify(document, null, 2));
      if (heartbeat) await tellAlarms(heartbeat);
    },
  };
}
