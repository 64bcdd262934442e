import { Context, sleep } from '@temporalio/activity';
import { ApplicationFailure } from '@temporalio/common';
import {
  DescribeInstanceStatusCommand,
  StartInstancesCommand,
  StopInstancesCommand,
} from '@aws-sdk/client-ec2';
import { FAILURE } from '../model/failures';
import { targetKey, type Target } from '../model/target';
import type { ActivityDeps } from './deps';
import { requireInstance } from './machines';
import { Pace } from './pace';

interface Machine {
  target: Target;
  instanceId: string;
}

/** In polls: one slow machine shall not have the others be down for longer because nobody looked. */
const LONGEST_PAUSE = 3;

/** Starting and stopping: https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/Stop_Start.html */
export function machinePowerActivities({ aws, settings }: ActivityDeps) {
  const { pollMs } = settings;
  // Machines take about as long as each other to get anywhere; looking every few seconds would be most of all calls.
  const paces = { stopped: new Pace(pollMs), running: new Pace(pollMs), healthy: new Pace(pollMs) };

  async function watch(pace: Pace, instanceId: string, isThere: () => Promise<boolean>): Promise<void> {
    pace.started(instanceId);
    try {
      for (let looks = 1; ; looks++) {
        Context.current().heartbeat({ looks });
        const lookedAt = Date.now();
        if (await isThere()) {
          // One that was there from the start has shown nothing of how long it takes.
          if (looks > 1) pace.completed(instanceId);
          return;
        }
        pace.seenPending(instanceId);
        const nextLook = Math.min(pace.nextLook([instanceId], lookedAt), lookedAt + LONGEST_PAUSE * pollMs);
        do {
          Context.current().heartbeat({ looks });
          await sleep(Math.max(0, Math.min(pollMs, nextLook - Date.now())));
        } while (Date.now() < nextLook);
      }
    } finally {
      pace.forget(instanceId);
    }
  }

  return {
    /** Stops the machine, with a clean shutdown of its system, unless it is stopped or stopping. */
    async ensureStopping({ target, instanceId }: Machine): Promise<void> {
      const ec2 = aws.ec2(target, 'migrate');
      const { State } = await requireInstance(ec2, target, instanceId);
      if (State?.Name === 'stopped' || State?.Name === 'stopping') return;
      await ec2.send(new StopInstancesCommand({ InstanceIds: [instanceId] }));
    },

    /** Starts the machine unless it runs or is starting. */
    async ensureStarting({ target, instanceId }: Machine): Promise<void> {
      const ec2 = aws.ec2(target, 'migrate');
      const { State } = await requireInstance(ec2, target, instanceId);
      if (State?.Name === 'running' || State?.Name === 'pending') return;
      await ec2.send(new StartInstancesCommand({ InstanceIds: [instanceId] }));
    },

    /**
     * Waits until the machine is running or stopped.
     *
     * @throws ApplicationFailure ResourceFailed when a start falls back to `stopped`, with EC2's reason: missing
     * CreateGrant on the key shows as Client.InternalError
     */
    async awaitMachine({
      target,
      instanceId,
      state,
    }: Machine & { state: 'running' | 'stopped' }): Promise<void> {
      const ec2 = aws.ec2(target, 'read');
      let began = false;
      await watch(paces[state], instanceId, async () => {
        const { State, StateReason } = await requireInstance(ec2, target, instanceId);
        if (
          state === 'running' &&
          State?.Name === 'stopped' &&
          (began || StateReason?.Code === 'Client.InternalError')
        ) {
          throw ApplicationFailure.nonRetryable(
            `${instanceId} in ${targetKey(target)} did not start: ${StateReason?.Message ?? 'EC2 gave no reason'}; whoever starts it needs kms:CreateGrant on the volumes' key`,
            FAILURE.resourceFailed,
          );
        }
        began ||= State?.Name === 'pending';
        return State?.Name === state;
      });
    },

    /** Waits until both of EC2's status checks pass: https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/monitoring-system-instance-status-check.html */
    async awaitHealthy({ target, instanceId }: Machine): Promise<void> {
      const ec2 = aws.ec2(target, 'read');
      await watch(paces.healthy, instanceId, async () => {
        const { InstanceStatuses = [] } = await ec2.send(
          new DescribeInstanceStatusCommand({ InstanceIds: [instanceId] }),
        );
        const [status] = InstanceStatuses;
        return status?.InstanceStatus?.Status === 'ok' && status.SystemStatus?.Status === 'ok';
      });
    },
  };
}
