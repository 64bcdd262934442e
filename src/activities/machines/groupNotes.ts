import type { EC2Client } from '@aws-sdk/client-ec2';
import {
  joinedGroups,
  parseGroupMarks,
  signatureOf,
  memberName,
  type TargetGroup,
} from '../../model/machines/drain';
import { TAG } from '../../model/names';
import { LIVING } from './inventory';
import { requireInstance } from './facts';
import { idsOf } from './groupIndex';
import { tagMap } from '../support/tags';
import type { MachinePlan } from '../../model/machines/facts';
import type { KnownInstance } from '../support/known';
import { instancePages } from '../support/reads';

/** What is noted on a machine of where it has to be registered again. */
export interface GroupNotes {
  /** Of the machine itself. */
  groups: TargetGroup[];
  /** Tags that hold them. */
  own: string[];
  /** Tags that hold something else: they stay, and nothing is registered by them. */
  foreign: { key: string; why: string }[];
}

interface Asked {
  plan: MachinePlan;
  /** Runs of 0.1.0 do not say which. */
  migrationId?: string;
  /** Groups that the run itself has taken the machine out of; without them, what a terminated run noted counts. */
  left?: readonly string[];
}

const UNSIGNED = 'it does not say of which machine it is';

/**
 * A machine that was launched with another one's tags carries its notes too: registered by them, it would get the other
 * one's requests. So a note counts where it names the machine and its migration, and every target in it is this machine.
 * Notes of 0.1.0 name nobody: they count where they are of what the run itself has left, or, of a terminated run, where no
 * other machine carries the same.
 */
export async function readGroupNotes(
  ec2: EC2Client,
  { plan, migrationId, left }: Asked,
): Promise<GroupNotes> {
  const instance = await requireInstance(ec2, plan.target, plan.instanceId);
  const notes = Object.entries(tagMap(instance.Tags)).filter(([key]) => key.startsWith(TAG.targetsPrefix));
  const found: GroupNotes = { groups: [], own: [], foreign: [] };
  const isSigned = notes.some(([, note]) => foreignTo({ plan, migrationId }, note) === undefined);
  for (const [key, note] of notes) {
    const groups = parseGroupMarks([note], plan);
    const isOld = signatureOf(note) === undefined && !isSigned;
    const why = isOld ? await findDoubt(groups) : foreignTo({ plan, migrationId }, note);
    if (why !== undefined) found.foreign.push({ key, why });
    else takeNote(found, instance, key, groups);

    async function findDoubt(noted: readonly TargetGroup[]): Promise<string | undefined> {
      if (left === undefined) return findAlsoOn(ec2, instance, key, note);
      return noted.every(({ arn }) => left.includes(arn)) ? undefined : UNSIGNED;
    }
  }
  return { ...found, groups: joinedGroups(found.groups) };
}

/** Undefined where it is signed as this machine's own. */
function foreignTo({ plan, migrationId }: Asked, note: string): string | undefined {
  const by = signatureOf(note);
  if (!by) return UNSIGNED;
  if (by.instanceId !== plan.instanceId) return `it is of ${by.instanceId}`;
  return migrationId === undefined || by.migrationId === migrationId
    ? undefined
    : `it is of ${by.migrationId}`;
}

async function findAlsoOn(
  ec2: EC2Client,
  { InstanceId }: KnownInstance,
  key: string,
  note: string,
): Promise<string | undefined> {
  const Filters = [{ Name: `tag:${key}`, Values: [note] }, LIVING];
  for await (const page of instancePages(ec2, Filters)) {
    const others = page.filter((each) => each.InstanceId !== InstanceId && tagMap(each.Tags)[key] === note);
    if (others[0]) return `${others[0].InstanceId} carries the same`;
  }
  return undefined;
}

/** An address that was this machine's may be another one's by now. */
function takeNote(
  found: GroupNotes,
  instance: KnownInstance,
  key: string,
  groups: readonly TargetGroup[],
): void {
  const ids = new Set(idsOf(instance));
  found.own.push(key);
  for (const { targets, ...group } of groups) {
    const own = targets.filter(({ id }) => ids.has(id));
    if (own.length > 0) found.groups.push({ ...group, targets: own });
    const others = targets.filter(({ id }) => !ids.has(id)).map(memberName);
    if (others.length > 0)
      found.foreign.push({ key, why: `${others.join(', ')} in ${group.name} is not this machine` });
  }
}

/** Tags for so many notes, beside what is not to be overwritten. */
export function noteKeys(count: number, { foreign }: Pick<GroupNotes, 'foreign'>): string[] {
  const taken = new Set(foreign.map(({ key }) => key));
  const keys: string[] = [];
  for (let n = 1; keys.length < count; n++) {
    const key = `${TAG.targetsPrefix}${n}`;
    if (!taken.has(key)) keys.push(key);
  }
  return keys;
}
