import type { Client } from '@temporalio/client';
import type { AwsClients } from '../../aws/clients';
import type { Notifier } from '../../notify/notifier';
import type { ObjectStore } from '../../store/objectStore';
import type { HeartbeatSink } from '../../telemetry/heartbeats';
import type { Waits } from './pace/waits';

/** What activities work with. Tests inject their own; `src/worker.ts` wires the real ones. */
export interface ActivityDeps {
  aws: AwsClients;
  /** For Schedules and for looking at other workflows. */
  temporal: Client;
  manifests: ObjectStore;
  evidence: ObjectStore;
  heartbeats: HeartbeatSink;
  notifier: Notifier;
  /** By which points are due and expire. */
  calendar: Calendar;
  /** By which activities wait. */
  waits: Waits;
  settings: Settings;
}

export interface Calendar {
  /** Milliseconds since the epoch. */
  now(): number;
}

export interface Settings {
  /**
   * How long AWS may go on hiding what was just created. A retry of a create that has no client token waits this
   * long before it looks, and looks twice
   * (https://docs.aws.amazon.com/ec2/latest/devguide/eventual-consistency.html).
   */
  readLagMs: number;
  /** Pause between two looks of an activity that waits. */
  pollMs: number;
  /** Hosts that health checks may reach from the worker; all when left out. */
  checkHosts?: readonly string[];
}

export const DEFAULT_SETTINGS: Settings = { readLagMs: 15_000, pollMs: 5_000 };
