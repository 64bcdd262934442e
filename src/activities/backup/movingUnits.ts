import type { EC2Client } from '@aws-sdk/client-ec2';
import { formatDuration } from '../../model/duration';
import type { OpenProtection } from '../../model/backup/protection';
import { FAILURE } from '../../model/failures';
import type { FailedItem } from '../../model/outcome';
import { now } from '../support/pace/waits';
import { readInstance, readVolume } from '../support/sharedReads';
import { resourceOf, type Item } from './items';
import type { UnitNow } from './snapshotSets';

/**
 * States that pass by themselves, and in which EC2 takes no snapshots:
 * https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/ec2-instance-lifecycle.html,
 * https://docs.aws.amazon.com/ebs/latest/userguide/ebs-describing-volumes.html
 */
const ON_THE_WAY: readonly (string | undefined)[] = ['pending', 'stopping', 'creating'];

/** As it is now. EC2 is asked again only about what was seen on its way, or refused. */
export async function lookAgain(ec2: EC2Client, unit: UnitNow, { trials }: OpenProtection): Promise<UnitNow> {
  if (trials.movingSince === undefined && !isOnTheWay(unit)) return unit;
  const id = unit.unit.resourceId;
  if (unit.unit.kind === 'instance') {
    const instance = await readInstance(ec2, id);
    return instance ? { ...unit, instance } : unit;
  }
  const volume = await readVolume(ec2, id);
  return { ...unit, volumes: volume ? [volume] : [] };
}

/** Whether it is neither running nor stopped yet. */
export function isOnTheWay(unit: UnitNow): boolean {
  return ON_THE_WAY.includes(stateOf(unit));
}

/** EC2 says that its state does not do. */
export function isStateRefusal(error: unknown): boolean {
  return error instanceof Error && /^(IncorrectState|IncorrectInstanceState)$/.test(error.name);
}

export function neverSettled(item: Item, { trials }: OpenProtection): FailedItem {
  const waited = formatDuration(now() - (trials.movingSince ?? now()));
  return {
    item: resourceOf(item),
    type: FAILURE.conflict,
    message: `${resourceOf(item)} is still ${stateOf(item.now) ?? 'in a state that EC2 does not tell'} after ${waited}, and EC2 takes snapshots of it only when it is running or stopped`,
  };
}

function stateOf({ unit, instance, volumes }: UnitNow): string | undefined {
  return unit.kind === 'instance' ? instance?.State?.Name : volumes[0]?.State;
}
