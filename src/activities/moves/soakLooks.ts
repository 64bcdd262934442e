import type { Target } from '../../model/target';
import type { ActivityDeps } from '../support/deps';
import { findInTime } from '../support/idempotency';
import { readInstance, readStatus } from '../support/sharedReads';

/** A machine while its originals are kept. */
export type SoakingMachine = 'gone' | 'stopped' | 'running' | 'healthy';

export function soakLookActivities({ aws, settings }: ActivityDeps) {
  return {
    /** `gone` is terminated, or what no look shows after the read lag; `healthy` has passed EC2's status checks. */
    async lookAtMachine({
      target,
      instanceId,
    }: {
      target: Target;
      instanceId: string;
    }): Promise<SoakingMachine> {
      const ec2 = aws.ec2(target, 'read');
      const instance = await findInTime(settings, () => readInstance(ec2, instanceId));
      const state = instance?.State.Name;
      if (state === undefined || state === 'terminated' || state === 'shutting-down') return 'gone';
      if (state !== 'running') return 'stopped';
      const status = await readStatus(ec2, instanceId);
      const passed = status?.InstanceStatus?.Status === 'ok' && status.SystemStatus?.Status === 'ok';
      return passed ? 'healthy' : 'running';
    },
  };
}
