import type { Strategy } from '../../moves/strategy';
import { targetKey, type Target } from '../../target';
import type { DiskPlan } from '../../machines/facts';

/** What of a region's room a quota is about. */
type Measure = { storageOf: string } | { iopsOf: string } | { snapshots: true };

interface EbsQuota {
  code: string;
  measure: Measure;
}

/** https://docs.aws.amazon.com/general/latest/gr/ebs-service.html#limits_ebs */
export const EBS_QUOTAS: readonly EbsQuota[] = [
  { code: 'L-D18FCD1D', measure: { storageOf: 'gp2' } },
  { code: 'L-7A658B76', measure: { storageOf: 'gp3' } },
  { code: 'L-FD252861', measure: { storageOf: 'io1' } },
  { code: 'L-09BD8365', measure: { storageOf: 'io2' } },
  { code: 'L-82ACEF56', measure: { storageOf: 'st1' } },
  { code: 'L-17AF77E8', measure: { storageOf: 'sc1' } },
  { code: 'L-9CF3C2EB', measure: { storageOf: 'standard' } },
  { code: 'L-B3A130E6', measure: { iopsOf: 'io1' } },
  { code: 'L-8D977E7E', measure: { iopsOf: 'io2' } },
  { code: 'L-309BACF6', measure: { snapshots: true } },
];

/** A quota as it applies to the account and region, and how much of it is taken. */
export interface QuotaState {
  code: string;
  name: string;
  /** In the quota's own unit: TiB of storage, IOPS, snapshots. */
  value: number;
  used: number;
  adjustable: boolean;
}

/** A machine, or a volume by itself, and what it makes. */
export interface Makes {
  item: string;
  strategy: Strategy;
  disks: readonly Pick<DiskPlan, 'type' | 'size' | 'iops'>[];
}

export interface QuotaAnswer {
  /** What has no room, and why. */
  beyond: { item: string; reasons: string[] }[];
  /** Why quotas were not looked at. */
  unread?: string;
}

const GIB_PER_TIB = 1024;

/**
 * Snapshots that there are of a volume at the same time, at most: seed, last moment and the copies of both; or, of a
 * clone, the last moment and its copy at the commit.
 */
const SNAPSHOTS_A_VOLUME: Record<Strategy, number> = { copy: 4, direct: 3, clone: 2 };

/** How much of the quota an item takes until it is committed: its originals are kept as long. */
export function amountTaken({ measure }: EbsQuota, { strategy, disks }: Makes): number {
  if ('snapshots' in measure) return disks.length * SNAPSHOTS_A_VOLUME[strategy];
  if ('iopsOf' in measure)
    return sum(disks.filter(({ type }) => type === measure.iopsOf).map(({ iops = 0 }) => iops));
  return sum(disks.filter(({ type }) => type === measure.storageOf).map(({ size }) => size)) / GIB_PER_TIB;
}

/** The quotas that any of the items takes of. */
export function quotasFor(items: readonly Makes[]): EbsQuota[] {
  return EBS_QUOTAS.filter((quota) => items.some((item) => amountTaken(quota, item) > 0));
}

/** Those for which there is no room once all before them have theirs; a smaller one behind may still fit. */
export function beyondQuotas(
  states: readonly QuotaState[],
  items: readonly Makes[],
  target: Target,
): { item: string; reasons: string[] }[] {
  const rooms = states.flatMap((state) => {
    const quota = EBS_QUOTAS.find(({ code }) => code === state.code);
    return quota ? [{ state, quota, taken: state.used }] : [];
  });
  return items.flatMap((each) => {
    const needs = rooms.map((room) => ({ room, needed: amountTaken(room.quota, each) }));
    const over = needs.filter(({ room, needed }) => needed > 0 && room.taken + needed > room.state.value);
    if (over.length > 0)
      return [{ item: each.item, reasons: over.map(({ room, needed }) => reasonOf(room, needed, target)) }];
    for (const { room, needed } of needs) room.taken += needed;
    return [];
  });
}

function reasonOf(
  { state, taken }: { state: QuotaState; taken: number },
  needed: number,
  target: Target,
): string {
  const { code, name, value, used, adjustable } = state;
  const asked = Math.ceil(taken + needed);
  const fix = adjustable
    ? `aws service-quotas request-service-quota-increase --region ${target.region} --service-code ebs --quota-code ${code} --desired-value ${asked}`
    : 'AWS does not raise it; commit what soaks, or delete what is not needed';
  const before = taken > used ? `, ${round(taken - used)} go to machines before it` : '';
  return `quota "${name}" (${code}) of ${targetKey(target)} has no room: of ${round(value)}, ${round(used)} are used${before}, and it needs ${round(needed)} more until its originals are deleted; ${fix}`;
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, each) => total + each, 0);
}

/** As people read it; a GiB is a thousandth of a TiB. */
function round(value: number): string {
  return String(Math.round(value * 1000) / 1000);
}
