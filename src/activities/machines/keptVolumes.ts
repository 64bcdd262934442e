import type { EC2Client } from '@aws-sdk/client-ec2';
import {
  keptVolume,
  mayBeKept,
  readOriginalMark,
  KeptFacts,
  type KeptVolume,
  type SeenVolume,
} from '../../model/machines/keptVolume';
import { parseMachineMark } from '../../model/machines/marks';
import { TAG } from '../../model/names';
import { groupsOf } from '../support/groups';
import type { KnownVolume } from '../support/known';
import { findVolumes, instancesById, volumePages } from '../support/reads';
import { tagMap } from '../support/tags';

export interface FoundKept {
  kept: KeptVolume;
  /** What is used in its place, where that is there. */
  usedInstead?: SeenVolume;
}

/**
 * Those of a page of volumes that Holdfast keeps for itself. Where one of them may be, what names them is asked for in
 * one call for the page, and nothing else in nearly every case; where no volume carries a mark there is no call.
 */
export async function findKeptAmong(
  ec2: EC2Client,
  page: readonly KnownVolume[],
): Promise<Map<string, FoundKept>> {
  const suspects = page.map(seenVolume).filter(mayBeKept);
  if (suspects.length === 0) return new Map();
  const facts = await readFactsAbout(ec2, suspects);
  return new Map(
    suspects.flatMap((volume) => {
      const kept = keptVolume(volume, facts);
      if (!kept) return [];
      const usedInstead = kept.usedInstead === undefined ? undefined : facts.volume(kept.usedInstead);
      return [[volume.volumeId, { kept, ...(usedInstead && { usedInstead }) }] as const];
    }),
  );
}

async function readFactsAbout(ec2: EC2Client, suspects: readonly SeenVolume[]): Promise<KeptFacts> {
  const originals = suspects.flatMap(({ volumeId, tags }) => (readOriginalMark(tags) ? volumeId : []));
  const replaced = suspects.flatMap(({ tags }) => idsIn('vol-', tags[TAG.replaces]));
  const naming = await listVolumesBy(ec2, `tag:${TAG.replaces}`, [...originals, ...replaced]);
  const used = await listVolumesBy(ec2, 'volume-id', replaced);
  const facts = new KeptFacts();
  for (const volume of [...suspects, ...naming, ...used]) facts.add(volume);
  const holders = used.flatMap(({ tags }) => idsIn('i-', readOriginalMark(tags)?.holder));
  await addMachines(facts, ec2, holders);
  return facts;
}

/** A tag may hold anything, wildcards too. */
function idsIn(prefix: string, text = ''): string[] {
  return new RegExp(`^${prefix}[0-9a-f]+$`).test(text) ? [text] : [];
}

async function listVolumesBy(ec2: EC2Client, Name: string, values: readonly string[]): Promise<SeenVolume[]> {
  const found: SeenVolume[] = [];
  for (const Values of groupsOf([...new Set(values)]))
    for await (const page of volumePages(ec2, [{ Name, Values }])) found.push(...page.map(seenVolume));
  return found;
}

async function addMachines({ machines }: KeptFacts, ec2: EC2Client, ids: readonly string[]): Promise<void> {
  for await (const { InstanceId, Tags } of instancesById(ec2, [...new Set(ids)])) {
    const mark = parseMachineMark(tagMap(Tags)[TAG.migration], InstanceId);
    if (mark) machines.set(InstanceId, mark);
  }
}

/** Those that carry exactly this mark of an original: it, and copies of it. */
export async function findMarkedAlike(ec2: EC2Client, mark: string): Promise<KnownVolume[]> {
  const Filters = [{ Name: `tag:${TAG.original}`, Values: [mark] }];
  const volumes = await findVolumes(ec2, Filters);
  return volumes.filter(({ Tags }) => tagMap(Tags)[TAG.original] === mark);
}

export function seenVolume({ VolumeId, State, Attachments = [], Tags }: KnownVolume): SeenVolume {
  return {
    volumeId: VolumeId,
    state: State,
    attachedTo: Attachments.flatMap(({ InstanceId }) => InstanceId ?? []),
    tags: tagMap(Tags),
  };
}
