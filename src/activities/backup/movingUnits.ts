import type { EC2Client } from '@aws-sdk/client-ec2';
import { formatDuration } from '../../model/duration';
import { FAILURE } from '../../model/failures';
import type { FailedItem } from '../../model/outcome';
import { resourceOf, type Item } from './items';
import { readInstance, readVolume } from '../support/sharedReads';
import type { UnitNow } from './snapshotSets';
import { now } from '../support/pace/waits';

/**
 * States that pass by themselves, and in which EC2 takes no snapshots:
 * https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/ec2-instance-lifecycle.html,
 * https://docs.aws.amazon.com/ebs/latest/userguide/ebs-describing-volumes.html
 */
const ON_THE_WAY = ['pending', 'stopping', 'creating'];
/** Reads lag: so often EC2 may say that a state does not do, and show one that does. */
const REFUSALS = 6;
/** A stop takes minutes; what takes longer hangs, and the run's copies wait for it. */
const LONGEST_MS = 3_600_000;

/** Whether it is neither running nor stopped yet. EC2 is asked again only about what was seen so, or refused. */
export async function isMoving(ec2: EC2Client, item: Item): Promise<boolean> {
  const unit = item.now;
  if (item.movingSince === undefined && !ON_THE_WAY.includes(stateOf(unit))) return false;
  const id = resourceOf(item);
  if (unit.unit.kind === 'instance') unit.instance = (await readInstance(ec2, id)) ?? unit.instance;
  else unit.volumes = [await readVolume(ec2, id)].flatMap((volume) => volume ?? []);
  return ON_THE_WAY.includes(stateOf(unit));
}

/** EC2 says that its state does not do: it may have changed since it was looked at. */
export function mayMove(item: Item, error: unknown): boolean {
  if (!(error instanceof Error) || !/^(IncorrectState|IncorrectInstanceState)$/.test(error.name))
    return false;
  item.movingSince ??= now();
  item.refusals += 1;
  return item.refusals < REFUSALS;
}

/** What is open, if there is nothing else to wait for. */
export function onlyMoving(open: readonly Item[]): readonly Item[] {
  const isAll = open.every(({ state, movingSince }) => state === 'waiting' && movingSince !== undefined);
  return isAll ? open : [];
}

/** When it is given up, in milliseconds since the epoch. */
export function patienceEnds({ movingSince }: Item, dueMs: number): number {
  return Math.min(dueMs, (movingSince ?? now()) + LONGEST_MS);
}

export function neverSettled(item: Item): FailedItem {
  const waited = formatDuration(now() - (item.movingSince ?? now()));
  return {
    item: resourceOf(item),
    type: FAILURE.conflict,
    message: `${resourceOf(item)} is still ${stateOf(item.now)} after ${waited}, and EC2 takes snapshots of it only when it is running or stopped`,
  };
}

function stateOf({ unit, instance, volumes }: UnitNow): string {
  return (unit.kind === 'instance' ? instance?.State?.Name : volumes[0]?.State) ?? '';
}
