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

interface Machine {
  target: Target;
  instanceId: string;
}

/** Starting and stopping: https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/Stop_Start.html */
export function machinePowerActivities({ aws, settings }: ActivityDeps) {
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
      for (;;) {
        Context.current().heartbeat(state);
        const { State, StateReason } = await requireInstance(ec2, target, instanceId);
        if (State?.Name === state) return;
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
        await sleep(settings.pollMs);
      }
    },

    /** Waits until both of EC2's status checks pass: https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/monitoring-system-instance-status-check.html */
    async awaitHealthy({ target, instanceId }: Machine): Promise<void> {
      const ec2 = aws.ec2(target, 'read');
      for (;;) {
        const { InstanceStatuses = [] } = await ec2.send(
          new DescribeInstanceStatusCommand({ InstanceIds: [instanceId] }),
        );
        const [status] = InstanceStatuses;
        Context.current().heartbeat(status?.InstanceStatus?.Status ?? 'unknown');
        if (status?.InstanceStatus?.Status === 'ok' && status.SystemStatus?.Status === 'ok') return;
        await sleep(settings.pollMs);
      }
    },
  };
}
