import type { MarkPhase } from './marks';
import { TAG } from '../names';
import { isVolumeId } from '../ids';

/**
 * A volume that Holdfast keeps for itself until somebody decides: it carries the fleet's tags, and is no part of the
 * fleet. No selection has it. People's restored copies carry the same marks, so a mark counts only where something
 * that a copy does not have agrees: the other side names this very volume, or the mark itself does.
 */
export interface KeptVolume {
  volumeId: string;
  /** `original`: another volume has taken its place. `new`: the original is used still, or again. */
  kind: 'original' | 'new';
  migrationId: string;
  /** The machine that it belongs to, or the original itself where that was attached to nothing. */
  holder?: string;
  /** What is used in its place. */
  usedInstead?: string;
}

/** One that a selector means. */
export interface SelectedKept extends KeptVolume {
  /** The selector names it by its id, and not what is used in its place: nothing protects that. */
  unprotected?: boolean;
}

/** What EC2 says of a volume that carries marks. */
export interface SeenVolume {
  volumeId: string;
  state: string;
  /** Instances that it is attached to. */
  attachedTo: string[];
  tags: Readonly<Record<string, string>>;
}

/** What may prove whose a volume is. */
export class KeptFacts {
  /** Marks of machines, by instance. */
  readonly machines = new Map<string, { migrationId: string; phase: MarkPhase }>();
  private readonly volumes = new Map<string, SeenVolume>();
  private readonly replacing = new Map<string, SeenVolume[]>();

  /** A volume with marks, whether it is asked about or not. */
  add(volume: SeenVolume): void {
    if (this.volumes.has(volume.volumeId)) return;
    this.volumes.set(volume.volumeId, volume);
    const original = volume.tags[TAG.replaces];
    if (original === undefined) return;
    const others = this.replacing.get(original);
    if (others) others.push(volume);
    else this.replacing.set(original, [volume]);
  }

  volume(id: string): SeenVolume | undefined {
    return this.volumes.get(id);
  }

  /** Volumes that name this one as what they replace. */
  naming(id: string): readonly SeenVolume[] {
    return this.replacing.get(id) ?? [];
  }
}

/** Machines that are about to get their new volumes, or are getting them. */
const BEFORE_START: readonly MarkPhase[] = ['prepare', 'rest', 'swap'];

/** What is not there yet, or goes, holds no data in an original's place. */
const GOOD = ['available', 'in-use'];

/** Tag on what is kept although its migration is over: `<migration id> <its own id>`, which no copy of it has. */
export function formatKept(migrationId: string, volumeId: string): string {
  return `${migrationId} ${volumeId}`;
}

/** Whether other volumes have to be asked about before it can be told whose it is. */
export function mayBeKept({ attachedTo, tags }: SeenVolume): boolean {
  return (
    attachedTo.length === 0 && [TAG.original, TAG.replaces, TAG.kept].some((key) => tags[key] !== undefined)
  );
}

/** Undefined where it is anybody's. */
export function keptVolume(volume: SeenVolume, facts: KeptFacts): KeptVolume | undefined {
  if (!mayBeKept(volume)) return undefined;
  return keptAfterwards(volume) ?? keptOriginal(volume, facts) ?? keptNew(volume, facts);
}

/** Why it is in no selection, for people. */
export function whyKept({ kind, migrationId, holder, usedInstead }: KeptVolume): string {
  const of = holder === undefined || isVolumeId(holder) ? '' : ` on ${holder}`;
  if (kind === 'original')
    return `${migrationId} has replaced it by ${usedInstead}${of}, and keeps it until its commit`;
  return `${migrationId} has made it${usedInstead ? `, and ${usedInstead} is used${of} instead` : ' and keeps it'}`;
}

export function keptCount(volumes: number): string {
  return `${volumes} volume${volumes === 1 ? '' : 's'} that Holdfast keeps for itself`;
}

/** For whoever named it by its id and has nothing else of it. */
export function nameInstead(kept: KeptVolume): string {
  const { volumeId, usedInstead } = kept;
  const what = usedInstead ? `name ${usedInstead} instead` : 'name another';
  return `${volumeId} is not selected: ${whyKept(kept)}; ${what}`;
}

function keptAfterwards({ volumeId, tags }: SeenVolume): KeptVolume | undefined {
  const [migrationId = '', names] = (tags[TAG.kept] ?? '').split(' ');
  if (names !== volumeId) return undefined;
  const usedInstead = tags[TAG.replaces];
  return { volumeId, kind: 'new', migrationId, ...(usedInstead && { usedInstead }) };
}

/** The mark on an original: the first five of its words, in both forms (src/model/machines/marks.ts, loneVolume.ts). */
export interface AnyOriginalMark {
  migrationId: string;
  holder: string;
  /** Its device; of a volume by itself the phase of its move. */
  where: string;
  newVolumeId?: string;
}

export function readOriginalMark(tags: SeenVolume['tags']): AnyOriginalMark | undefined {
  const [migrationId, holder, where, , newVolumeId] = (tags[TAG.original] ?? '').split(' ');
  if (!migrationId || !holder || !where) return undefined;
  return { migrationId, holder, where, ...(newVolumeId && newVolumeId !== '-' && { newVolumeId }) };
}

function keptOriginal({ volumeId, tags }: SeenVolume, facts: KeptFacts): KeptVolume | undefined {
  const mark = readOriginalMark(tags);
  if (!mark) return undefined;
  const { migrationId, holder, where } = mark;
  // Of a volume by itself the mark names the volume. Until its new one may be used, it is the one that counts.
  if (isVolumeId(holder) && (holder !== volumeId || where !== 'soak')) return undefined;
  const replacement = newVolumeOf(volumeId, mark, facts);
  if (!replacement || !GOOD.includes(replacement.state)) return undefined;
  return { volumeId, kind: 'original', migrationId, holder, usedInstead: replacement.volumeId };
}

function keptNew({ volumeId, tags }: SeenVolume, facts: KeptFacts): KeptVolume | undefined {
  const usedInstead = tags[TAG.replaces] ?? '';
  const migrationId = tags[TAG.migration] ?? '';
  const original = facts.volume(usedInstead);
  const mark = original && readOriginalMark(original.tags);
  if (mark?.migrationId !== migrationId || !original) return undefined;
  if (newVolumeOf(usedInstead, mark, facts)?.volumeId !== volumeId) return undefined;
  const { holder, where } = mark;
  const machine = facts.machines.get(holder);
  const isBeforeStart = machine?.migrationId === migrationId && BEFORE_START.includes(machine.phase);
  const isUsed = isVolumeId(holder)
    ? holder === usedInstead && where !== 'soak'
    : original.attachedTo.includes(holder) || isBeforeStart;
  return isUsed ? { volumeId, kind: 'new', migrationId, holder, usedInstead } : undefined;
}

/**
 * The volume that has taken an original's place, or is to. Marks of 0.1.0 do not name it: then it is the one that the
 * machine holds, or the only one that names the original.
 */
function newVolumeOf(
  original: string,
  { migrationId, holder, newVolumeId }: AnyOriginalMark,
  facts: KeptFacts,
): SeenVolume | undefined {
  const naming = facts
    .naming(original)
    .filter(({ volumeId, tags }) => volumeId !== original && tags[TAG.migration] === migrationId);
  if (newVolumeId) return naming.find(({ volumeId }) => volumeId === newVolumeId);
  const held = naming.filter(({ attachedTo }) => attachedTo.includes(holder));
  const [only, another] = held.length > 0 ? held : naming;
  return another ? undefined : only;
}
