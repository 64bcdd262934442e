import { StartInstancesCommand, StopInstancesCommand, type EC2Client } from '@aws-sdk/client-ec2';
import { finalFailure } from '../../aws/applicationFailures';
import { FAILURE } from '../../model/failures';
import { targetKey, type Target } from '../../model/target';
import type { ActivityDeps } from '../support/deps';
import { Sightings } from '../support/gone';
import type { KnownInstance } from '../support/known';
import { instanceGone, requireInstance } from './facts';
import { lookUntil, LookRhythm } from '../support/pace/rhythm';
import { readInstance, readStatus } from '../support/sharedReads';
import { now } from '../support/pace/waits';

interface Machine {
  target: Target;
  instanceId: string;
}

/** Nothing comes back from there. */
const ENDED = /^(shutting-down|terminated)$/;

/** Starting and stopping: https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/Stop_Start.html */
export function machinePowerActivities({ aws, settings }: ActivityDeps) {
  const { pollMs, readLagMs } = settings;
  const rhythms = {
    stopped: new LookRhythm(pollMs, 5),
    running: new LookRhythm(pollMs, 3),
    healthy: new LookRhythm(pollMs, 10),
  };

  /** Looks at a machine that was there: undefined while reads lag; one that is terminated, or no more, ends the wait. */
  function lookerAt({ target, instanceId }: Machine): () => Promise<KnownInstance | undefined> {
    const ec2 = aws.ec2(target, 'read');
    const sightings = new Sightings(settings);
    return async () => {
      const instance = await readInstance(ec2, instanceId);
      const isGone = sightings.gone([instanceId], [instance?.InstanceId]).length > 0;
      if (isGone || (instance && ENDED.test(instance.State.Name))) throw instanceGone(target, instanceId);
      return instance;
    };
  }

  return {
    /** Stops the machine, with a clean shutdown of its system; one that is stopped or stopping stays so. */
    async ensureStopping({ target, instanceId }: Machine): Promise<void> {
      const ec2 = aws.ec2(target, 'migrate');
      await ec2
        .send(new StopInstancesCommand({ InstanceIds: [instanceId] }))
        .catch((error: unknown) => throwUnless(['stopped', 'stopping'], ec2, { target, instanceId }, error));
    },

    /** Starts the machine; one that runs or is starting goes on. */
    async ensureStarting({ target, instanceId }: Machine): Promise<void> {
      const ec2 = aws.ec2(target, 'migrate');
      await ec2
        .send(new StartInstancesCommand({ InstanceIds: [instanceId] }))
        .catch((error: unknown) => throwUnless(['running', 'pending'], ec2, { target, instanceId }, error));
    },

    /**
     * Waits until the machine is running or stopped.
     *
     * @throws ApplicationFailure ResourceFailed when a start falls back to `stopped`, with EC2's reason: missing
     * CreateGrant on the key shows as Client.InternalError; NotFound when it is terminated meanwhile
     */
    async awaitMachine({
      target,
      instanceId,
      state,
    }: Machine & { state: 'running' | 'stopped' }): Promise<void> {
      const look = lookerAt({ target, instanceId });
      let began = false;
      const askedAt = now();
      // A start that nobody saw pending has failed, once reads are sure to show that it was asked for. Until then the
      // reason may be that of an earlier start.
      const isOver = () => began || now() - askedAt > readLagMs;
      const isThere = async () => {
        const { State, StateReason } = (await look()) ?? {};
        if (state === 'running' && State?.Name === 'stopped' && isOver()) {
          throw finalFailure(
            FAILURE.resourceFailed,
            `${instanceId} in ${targetKey(target)} did not start: ${StateReason?.Message ?? 'EC2 gave no reason'}; whoever starts it needs kms:CreateGrant on the volumes' key`,
          );
        }
        began ||= State?.Name === 'pending';
        return State?.Name === state;
      };
      await lookUntil(rhythms[state], pollMs, isThere, () => ({ waitingFor: `${instanceId} ${state}` }));
    },

    /**
     * Waits until both of EC2's status checks pass
     * (https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/monitoring-system-instance-status-check.html).
     *
     * @throws ApplicationFailure NotFound when the machine is terminated meanwhile
     */
    async awaitHealthy({ target, instanceId }: Machine): Promise<void> {
      const ec2 = aws.ec2(target, 'read');
      const look = lookerAt({ target, instanceId });
      const isThere = async () => {
        const status = await readStatus(ec2, instanceId);
        // Only running machines have one.
        if (!status) await look();
        return status?.InstanceStatus?.Status === 'ok' && status.SystemStatus?.Status === 'ok';
      };
      await lookUntil(rhythms.healthy, pollMs, isThere, () => ({ waitingFor: `${instanceId} healthy` }));
    },
  };
}

/**
 * EC2 says the same of a machine between two states, which is over in a moment, and of one that is terminated. And what is
 * as it should be needs no permission.
 */
async function throwUnless(
  states: readonly string[],
  ec2: EC2Client,
  { target, instanceId }: Machine,
  error: unknown,
): Promise<void> {
  if (!(error instanceof Error && /^(IncorrectInstanceState|UnauthorizedOperation)$/.test(error.name)))
    throw error;
  const { State } = await requireInstance(ec2, target, instanceId);
  if (!states.includes(State.Name)) throw error;
}
