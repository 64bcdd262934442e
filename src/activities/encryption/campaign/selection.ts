import type { EC2Client } from '@aws-sdk/client-ec2';
import type { ApplicationFailure } from '@temporalio/common';
import { notFound } from '../../../aws/applicationFailures';
import { has } from '../../../model/group';
import { workflowIds, isVolumeId } from '../../../model/ids';
import {
  whyKept,
  readOriginalMark,
  type KeptVolume,
  type SeenVolume,
} from '../../../model/machines/keptVolume';
import { listed, type Listed } from '../../../model/list';
import { parseMachineMark } from '../../../model/machines/marks';
import { TAG } from '../../../model/names';
import type { Selector } from '../../../model/selector';
import { targetKey, type Target } from '../../../model/target';
import type { ActivityDeps } from '../../support/deps';
import { workInTurns } from '../../support/pace/inTurns';
import { inventoryActivities } from '../../machines/inventory';
import { findKeptAmong, findMarkedAlike, seenVolume } from '../../machines/keptVolumes';
import { readInstance } from '../../support/sharedReads';
import { tagMap } from '../../support/tags';
import { instancesById, volumesById } from '../../support/reads';
import { isOpen } from '../../support/openWorkflows';
import type { SkippedItem } from '../../../model/outcome';
import type { KnownVolume } from '../../support/known';

/** Workflows that are asked about side by side. */
const AT_ONCE = 10;

interface Selected {
  instanceIds: string[];
  /** Selected volumes that are attached to nothing. */
  standalone: string[];
  /** Volumes that the selector means too, and Holdfast keeps for itself. */
  leftOut?: Listed<KeptVolume>;
  /** Volumes that must not move, and why. */
  refused?: SkippedItem[];
}

/** What a campaign is about, before it looks at any of it. */
export function machineSelectionActivities(deps: ActivityDeps) {
  const { aws } = deps;

  return {
    /**
     * The machines that a campaign is about; a volume stands for the machine it is attached to.
     *
     * @throws ApplicationFailure NotFound naming the ids that do not exist
     */
    async selectMachines(asked: {
      target: Target;
      instanceIds?: string[];
      volumeIds?: string[];
      selector?: Selector;
    }): Promise<Selected> {
      const { target, selector } = asked;
      const ec2 = aws.ec2(target, 'read');
      const instanceIds = new Set<string>(await requireInstances(ec2, target, asked.instanceIds ?? []));
      const volumeIds = [...(asked.volumeIds ?? [])];
      const kept: KeptVolume[] = [];
      const missing: string[] = [];
      for (let cursor: string | undefined; selector;) {
        const page = await inventoryActivities(deps).listUnits({ target, selector, cursor });
        missing.push(...(page.missing ?? []));
        kept.push(...(page.kept ?? []).map(({ unprotected: _, ...each }) => each));
        for (const { kind, resourceId } of page.units) {
          if (kind === 'instance') instanceIds.add(resourceId);
          else volumeIds.push(resourceId);
        }
        cursor = page.cursor;
        if (cursor === undefined) break;
      }
      if (missing.length > 0) throw notThere('selector', target, missing);
      const { standalone, refused } = await addHolders(ec2, target, volumeIds, instanceIds);
      const leftOut = await takeAbandoned(deps, target, kept, { instanceIds, standalone });
      return {
        instanceIds: [...instanceIds],
        standalone,
        ...(leftOut.length > 0 && { leftOut: listed(leftOut) }),
        ...(refused.length > 0 && { refused }),
      };
    },
  };
}

async function requireInstances(ec2: EC2Client, target: Target, ids: string[]): Promise<string[]> {
  const found = new Set<string>();
  for await (const { InstanceId, State } of instancesById(ec2, ids)) {
    if (State.Name !== 'terminated') found.add(InstanceId);
  }
  requireAll('instanceIds', target, ids, found);
  return ids;
}

/** Adds the machines of attached volumes; returns the volumes that have none. */
async function addHolders(
  ec2: EC2Client,
  target: Target,
  ids: string[],
  instanceIds: Set<string>,
): Promise<{ standalone: string[]; refused: SkippedItem[] }> {
  const volumes: KnownVolume[] = [];
  for await (const volume of volumesById(ec2, ids)) volumes.push(volume);
  requireAll('volumeIds', target, ids, new Set(volumes.map(({ VolumeId }) => VolumeId)));
  const kept = await findKeptAmong(ec2, volumes);
  const found = { standalone: [] as string[], refused: [] as SkippedItem[] };
  for (const volume of volumes) {
    const seen = seenVolume(volume);
    const { volumeId } = seen;
    const holder = seen.attachedTo[0] ?? (await findHolder(ec2, seen, kept.get(volumeId)?.kept));
    if (typeof holder === 'object') found.refused.push({ item: volumeId, reasons: [holder.refused] });
    else if (holder && !isVolumeId(holder)) instanceIds.add(holder);
    else found.standalone.push(volumeId);
  }
  return found;
}

/**
 * What a volume that is attached to nothing stands for. An original that a migration has detached still belongs to its
 * machine; somebody's copy of it, which carries the same mark, belongs to nobody.
 */
async function findHolder(
  ec2: EC2Client,
  volume: SeenVolume,
  kept: KeptVolume | undefined,
): Promise<string | { refused: string } | undefined> {
  if (kept) return kept.kind === 'original' ? kept.holder : { refused: whyKept(kept) };
  const mark = readOriginalMark(volume.tags);
  if (!mark || isVolumeId(mark.holder)) return undefined;
  const { migrationId, holder } = mark;
  const machine = await readInstance(ec2, holder);
  if (parseMachineMark(tagMap(machine?.Tags)[TAG.migration])?.migrationId !== migrationId) return undefined;
  const marked = volume.tags[TAG.original];
  const alike = (marked === undefined ? [] : await findMarkedAlike(ec2, marked)).filter(
    ({ VolumeId }) => VolumeId !== volume.volumeId,
  );
  if (alike.length === 0) return holder;
  const originals = await findKeptAmong(ec2, alike);
  const isKnown = ({ volumeId, attachedTo }: SeenVolume) =>
    attachedTo.includes(holder) || originals.has(volumeId);
  if (alike.map(seenVolume).some(isKnown)) return undefined;
  const others = alike.map(({ VolumeId }) => VolumeId).join(', ');
  return {
    refused: `it carries the mark of an original of ${holder}, which ${migrationId} is not done with, and so does ${others}; only one of them is that: name ${holder} instead, or remove the tag ${TAG.original} from what is a copy`,
  };
}

/**
 * Of what is kept, what no workflow looks after goes to the campaign: it finishes or undoes what a terminated one has
 * left, of the machine that it belongs to, or of the volume by itself. The others are left out.
 */
async function takeAbandoned(
  deps: ActivityDeps,
  target: Target,
  kept: readonly KeptVolume[],
  { instanceIds, standalone }: { instanceIds: Set<string>; standalone: string[] },
): Promise<KeptVolume[]> {
  const mayBeLeft = ({ kind, holder }: KeptVolume) =>
    kind === 'original' && holder !== undefined && !instanceIds.has(holder);
  const abandoned = new Set<string>();
  const holders = new Set(kept.filter(mayBeLeft).flatMap(({ holder }) => holder ?? []));
  await workInTurns([...holders], AT_ONCE, async (holder) => {
    const workflowId = workflowIds[isVolumeId(holder) ? 'volume' : 'machine'](target, holder);
    if (!(await isOpen(deps, workflowId))) abandoned.add(holder);
  });
  for (const holder of abandoned) {
    if (isVolumeId(holder)) standalone.push(holder);
    else instanceIds.add(holder);
  }
  return kept.filter((each) => !(mayBeLeft(each) && has(abandoned, each.holder)));
}

function requireAll(field: string, target: Target, ids: string[], found: ReadonlySet<string>): void {
  const missing = ids.filter((id) => !found.has(id));
  if (missing.length > 0) throw notThere(field, target, missing);
}

function notThere(field: string, target: Target, missing: readonly string[]): ApplicationFailure {
  return notFound(
    `${field}: ${missing.join(', ')} not found in ${targetKey(target)}; correct the ids, or name their account and region as target`,
  );
}
