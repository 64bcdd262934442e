import type { EC2Client } from '@aws-sdk/client-ec2';
import { classify } from '../../../aws/classify';
import { FAILURE } from '../../../model/failures';
import type { Strategy } from '../../../model/moves/strategy';
import { targetKey } from '../../../model/target';
import type { ActivityDeps } from '../../support/deps';
import { mayBeAnswered } from '../../support/dryRuns';
import { prepareProbes, type Probe } from './permissionProbes';
import type { MovePlan } from '../../../model/machines/facts';

/** What the role may not do with a machine or volume. */
export interface MovePermissions {
  /** Denials that the migration would meet as well, by action, each as a sentence with the fix. */
  denied: { action: string; reason: string }[];
  /** What a dry run cannot say for certain, by action. */
  unconfirmed: { action: string; why: string }[];
}

export interface PermissionsAsked {
  plan: MovePlan;
  strategy: Strategy;
  /** These actions alone; all when left out. */
  only?: string[];
}

/** Dry runs: EC2 says whether it would do what it is asked, and does not. */
export function permissionActivities({ aws }: ActivityDeps) {
  return {
    /**
     * Asks EC2, as the role that migrates, for everything that a move does to the machine or volume; changes nothing.
     * A denial counts only where the real call is about what is there now: DeleteVolume and the like are often
     * allowed by Holdfast's own tags alone, which are not on anything yet.
     */
    async probePermissions({ plan, strategy, only }: PermissionsAsked): Promise<MovePermissions> {
      const ec2 = aws.ec2(plan.target, 'migrate');
      const role = aws.roleArn(plan.target.accountId, 'migrate') ?? 'the worker’s own credentials';
      const found: MovePermissions = { denied: [], unconfirmed: [] };
      for (const probe of await prepareProbes(ec2, plan, strategy)) {
        const { action, on, proves } = probe;
        if (only && !only.includes(action)) continue;
        const error = await askDryRun(ec2, probe);
        if (!error) continue;
        const isDenied = classify(error.name).type === FAILURE.accessDenied;
        if (isDenied && proves) {
          const reason = `${role} may not ${action} on ${on} in ${targetKey(plan.target)}${because(error)}; allow it`;
          found.denied.push({ action, reason });
        } else
          found.unconfirmed.push({ action, why: isDenied ? `denied on ${on} as it is now` : error.name });
      }
      return found;
    },
  };
}

/** Undefined where it would be allowed. Throws what a retry may get over. */
async function askDryRun(ec2: EC2Client, { send }: Probe): Promise<Error | undefined> {
  try {
    await send(ec2);
    return undefined;
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    if (error.name === 'DryRunOperation') return undefined;
    if (mayBeAnswered(error)) throw error;
    return error;
  }
}

/** AWS says which kind of policy it was: https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_access-denied.html */
function because({ message }: Error): string {
  const why = /(with an explicit deny in [^.:]+|because no [^.:]+ policy allows)/.exec(message)?.[1];
  return why ? ` (${why})` : '';
}
