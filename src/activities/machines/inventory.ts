import { DescribeInstancesCommand, DescribeVolumesCommand, type EC2Client } from '@aws-sdk/client-ec2';
import type { SelectedKept, SeenVolume } from '../../model/machines/keptVolume';
import { matchesTags, tagFilters, type PolicySelector } from '../../model/selector';
import type { Target } from '../../model/target';
import type { ActivityDeps } from '../support/deps';
import { findKeptAmong } from './keptVolumes';
import { tagMap } from '../support/tags';
import { knownInstances, knownVolumes, type KnownInstance, type KnownVolume } from '../support/known';
import { attachedVolumeIds, FILTER_VALUES, instancesById, volumesById } from '../support/reads';
import type { BackupUnit } from '../../model/machines/unit';

/** Instances in other states have no volumes, or are about to lose them. */
export const LIVING = { Name: 'instance-state-name', Values: ['pending', 'running', 'stopping', 'stopped'] };
/** The payload stays far below 2 MB. */
const PAGE = 200;

/** The passes over a target, in order. A unit that an earlier pass found is not found again. */
const PASSES = ['instancesByTag', 'instancesById', 'volumesByTag', 'volumesById'] as const;
type Pass = (typeof PASSES)[number];

interface UnitsPage {
  units: BackupUnit[];
  /** What the selector means too, and Holdfast keeps for itself: it is no unit. */
  kept?: SelectedKept[];
  /** Ids that the selector names, and nothing in the target has. */
  missing?: string[];
  /** There when more may follow. */
  cursor?: string;
}

interface ListUnitsRequest {
  target: Target;
  selector: PolicySelector;
  cursor?: string;
}

/** What a selector means in one target: https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeInstances.html */
export function inventoryActivities({ aws }: ActivityDeps) {
  return {
    /** The next of what the selector selects: instances with their EBS volumes, then volumes by themselves. */
    async listUnits({ target, selector, cursor }: ListUnitsRequest): Promise<UnitsPage> {
      const ec2 = aws.ec2(target, 'read');
      const units: BackupUnit[] = [];
      const kept: SelectedKept[] = [];
      const missing: string[] = [];
      let [index, token] = parseCursor(cursor);
      while (units.length + kept.length < PAGE && index < PASSES.length) {
        const pass = PASSES[index] ?? 'volumesById';
        const page = pass.startsWith('instances')
          ? await readInstancesPage(ec2, selector, pass, token)
          : await readVolumesPage(ec2, selector, pass, token);
        units.push(...page.units);
        kept.push(...(page.kept ?? []));
        missing.push(...(page.missing ?? []));
        token = page.token;
        if (!token) index += 1;
      }
      return {
        units,
        ...(kept.length > 0 && { kept }),
        ...(missing.length > 0 && { missing }),
        ...(index < PASSES.length && { cursor: `${index}:${token ?? ''}` }),
      };
    },
  };
}

function parseCursor(cursor = '0:'): [number, string | undefined] {
  const at = cursor.indexOf(':');
  return [Number(cursor.slice(0, at)), cursor.slice(at + 1) || undefined];
}

interface Found {
  units: BackupUnit[];
  kept?: SelectedKept[];
  missing?: string[];
  token?: string;
}

async function readInstancesPage(
  ec2: EC2Client,
  selector: PolicySelector,
  pass: Pass,
  token: string | undefined,
): Promise<Found> {
  if (pass === 'instancesById') {
    const named = chunkOf(selector.instanceIds, token);
    const instances = await collect(instancesById(ec2, named.ids));
    const living = instances.filter(isLiving);
    return {
      units: living.filter(({ Tags }) => !matchesTags(selector.tags, tagMap(Tags))).map(instanceUnit),
      missing: without(
        named.ids,
        living.map(({ InstanceId }) => InstanceId),
      ),
      token: named.next,
    };
  }
  if (!selector.tags) return { units: [] };
  const { Reservations, NextToken } = await ec2.send(
    new DescribeInstancesCommand({
      Filters: tagFilters(selector.tags, [LIVING]),
      MaxResults: PAGE,
      NextToken: token,
    }),
  );
  const instances = knownInstances(Reservations);
  const units = instances.filter(({ Tags }) => matchesTags(selector.tags, tagMap(Tags))).map(instanceUnit);
  return { units, token: NextToken };
}

async function readVolumesPage(
  ec2: EC2Client,
  selector: PolicySelector,
  pass: Pass,
  token: string | undefined,
): Promise<Found> {
  if (pass === 'volumesById') {
    const named = chunkOf(selector.volumeIds, token);
    const volumes = await collect(volumesById(ec2, named.ids));
    const matching = volumes.filter(({ Tags }) => !matchesTags(selector.tags, tagMap(Tags)));
    const missing = without(
      named.ids,
      volumes.map(({ VolumeId }) => VolumeId),
    );
    return { ...(await sortOutVolumes(ec2, selector, matching)), missing, token: named.next };
  }
  if (!selector.tags) return { units: [] };
  const { Volumes, NextToken } = await ec2.send(
    new DescribeVolumesCommand({ Filters: tagFilters(selector.tags), MaxResults: PAGE, NextToken: token }),
  );
  const matching = knownVolumes(Volumes).filter(({ Tags }) => matchesTags(selector.tags, tagMap(Tags)));
  return { ...(await sortOutVolumes(ec2, selector, matching)), token: NextToken };
}

/** Those that are protected by themselves, and those that Holdfast keeps. */
async function sortOutVolumes(
  ec2: EC2Client,
  selector: PolicySelector,
  matching: KnownVolume[],
): Promise<Pick<Found, 'units' | 'kept'>> {
  const kept = await findKept(ec2, selector, matching);
  const isKept = new Set(kept.map(({ volumeId }) => volumeId));
  const others = matching.filter(({ VolumeId }) => !isKept.has(VolumeId));
  const covered = await findCoveredByInstance(ec2, selector, others);
  const units = others.filter(({ VolumeId }) => !covered.has(VolumeId)).map(volumeUnit);
  return { units, kept };
}

/** Whoever names such a volume by its id is told what to name instead, unless that is selected already. */
async function findKept(
  ec2: EC2Client,
  selector: PolicySelector,
  volumes: KnownVolume[],
): Promise<SelectedKept[]> {
  const found = [...(await findKeptAmong(ec2, volumes)).values()];
  const isNamed = (volumeId: string) => (selector.volumeIds ?? []).includes(volumeId);
  const instead = found.flatMap(({ kept, usedInstead }) =>
    isNamed(kept.volumeId) && usedInstead ? usedInstead : [],
  );
  const covered = await findSelectedHolders(
    ec2,
    selector,
    instead.flatMap(({ attachedTo }) => attachedTo),
  );
  const isSelectedToo = ({ volumeId, tags, attachedTo }: SeenVolume) =>
    matchesTags(selector.tags, tags) || isNamed(volumeId) || attachedTo.some((id) => covered.has(id));
  return found.map(({ kept, usedInstead }) => {
    const unprotected = isNamed(kept.volumeId) && !(usedInstead && isSelectedToo(usedInstead));
    return { ...kept, ...(unprotected && { unprotected }) };
  });
}

/** Ids go as filters, because MaxResults and ids exclude each other; a chunk of ids is a page. */
function chunkOf(ids: string[] = [], token = '0'): { ids: string[]; next?: string } {
  const end = Number(token) + FILTER_VALUES;
  return { ids: ids.slice(Number(token), end), ...(end < ids.length && { next: String(end) }) };
}

function without(ids: readonly string[], found: readonly string[]): string[] {
  const there = new Set(found);
  return ids.filter((id) => !there.has(id));
}

async function collect<Item>(items: AsyncIterable<Item>): Promise<Item[]> {
  const found: Item[] = [];
  for await (const item of items) found.push(item);
  return found;
}

function instanceUnit(instance: KnownInstance): BackupUnit {
  return { kind: 'instance', resourceId: instance.InstanceId, volumeIds: attachedVolumeIds(instance) };
}

function volumeUnit({ VolumeId }: KnownVolume): BackupUnit {
  return { kind: 'volume', resourceId: VolumeId, volumeIds: [VolumeId] };
}

/** Whether an instance with its volumes is what the selector is about; dead ones have none. */
export function isSelected(selector: PolicySelector, instance: KnownInstance): boolean {
  const isWanted =
    matchesTags(selector.tags, tagMap(instance.Tags)) ||
    (selector.instanceIds ?? []).includes(instance.InstanceId);
  return isWanted && isLiving(instance);
}

function isLiving({ State }: KnownInstance): boolean {
  return LIVING.Values.includes(State.Name);
}

/** Volumes whose instance is selected are in its set already. */
async function findCoveredByInstance(
  ec2: EC2Client,
  selector: PolicySelector,
  volumes: KnownVolume[],
): Promise<Set<string>> {
  const holders = new Map(
    volumes.map(({ VolumeId, Attachments = [] }) => [
      VolumeId,
      Attachments.flatMap(({ InstanceId }) => InstanceId ?? []),
    ]),
  );
  const selected = await findSelectedHolders(ec2, selector, [...holders.values()].flat());
  return new Set(
    [...holders]
      .filter(([, instanceIds]) => instanceIds.some((id) => selected.has(id)))
      .map(([volumeId]) => volumeId),
  );
}

async function findSelectedHolders(
  ec2: EC2Client,
  selector: PolicySelector,
  instanceIds: readonly string[],
): Promise<Set<string>> {
  const selected = new Set<string>();
  for await (const instance of instancesById(ec2, [...new Set(instanceIds)]))
    if (isSelected(selector, instance)) selected.add(instance.InstanceId);
  return selected;
}
