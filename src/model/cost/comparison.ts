import { leastAgeMs, periodsKept, type Period, type RetentionTerms } from '../points/retentionTerms';
import { Biller, sumOf, totalOf, type Bill, type CostTerms, type CostVolume } from './bill';
import { seededFleet } from './fleet';
import { PRICES } from './prices';
import type { CalendarRules } from './year';

/** Daily changes that are compared: little, usual and much. */
export const DAILY_CHANGES = [0.01, 0.05, 0.2] as const;

/** What the team wants to save against the naive way. */
export const AIM = 0.6;

export const WAYS = ['naive', 'sameRetention', 'holdfast'] as const;
export type Way = (typeof WAYS)[number];

export interface CostComparison {
  prices: { asOf: string; region: string; currency: string };
  fleet: { volumes: number; gib: number; seed: number };
  policies: string[];
  /** What the naive way keeps every point for. */
  naiveRetention: RetentionTerms;
  years: {
    dailyChange: number;
    bills: Record<Way, Bill>;
    saved: Record<'ofNaive' | 'ofSameRetention', number>;
  }[];
}

export interface PricedPolicy {
  policyName: string;
  terms: CostTerms;
}

interface Asked {
  policies: readonly PricedPolicy[];
  volumes: number;
  seed: number;
  rules: CalendarRules;
}

/** The first year of a fleet that the policies share evenly, the naive way, with tiers, and as the policies say. */
export function compareCosts({ policies, volumes, seed, rules }: Asked): CostComparison {
  const biller = new Biller(rules);
  const naiveRetention = longestOf(policies.map(({ terms }) => terms));
  const priced = (change: (terms: CostTerms) => CostTerms, fleet: readonly CostVolume[]) =>
    sumOf(
      fleet.flatMap((volume, index) => {
        const policy = policies[index % policies.length];
        return policy ? biller.firstYear(change(policy.terms), volume) : [];
      }),
    );
  const years = DAILY_CHANGES.map((dailyChange) => {
    const fleet = seededFleet(volumes, dailyChange, seed);
    const bills = {
      naive: priced((terms) => keptFor(terms, naiveRetention), fleet),
      sameRetention: priced(inOneTier, fleet),
      holdfast: priced((terms) => terms, fleet),
    };
    const saved = (way: Way) => 1 - totalOf(bills.holdfast) / totalOf(bills[way]);
    return {
      dailyChange,
      bills,
      saved: { ofNaive: saved('naive'), ofSameRetention: saved('sameRetention') },
    };
  });
  const gib = seededFleet(volumes, 0, seed).reduce((sum, { writtenGib }) => sum + writtenGib, 0);
  const { asOf, region, currency } = PRICES;
  return {
    prices: { asOf, region, currency },
    fleet: { volumes, gib: Math.round(gib), seed },
    policies: policies.map(({ policyName }) => policyName),
    naiveRetention,
    years,
  };
}

function keptFor(terms: CostTerms, retention: RetentionTerms): CostTerms {
  const copies = terms.copies.map((copy) => ({ ...copy, retention, archive: undefined }));
  return { ...terms, retention, archive: undefined, copies, measuresChanges: false };
}

/** DLM and AWS Backup keep the same points; neither decides point by point whether archiving pays. */
function inOneTier(terms: CostTerms): CostTerms {
  const copies = terms.copies.map((copy) => ({ ...copy, archive: undefined }));
  return { ...terms, archive: undefined, copies, measuresChanges: false };
}

const DAY_MS = 86_400_000;
const PERIOD_DAYS: Record<Period, number> = { day: 1, week: 7, month: 30, year: 365 };

/** One age that no point of the policies outlives. */
function longestOf(all: readonly CostTerms[]): RetentionTerms {
  const days = all.flatMap(({ everyMs, retention, copies }) =>
    [retention, ...copies.map((copy) => copy.retention)].map((terms) =>
      Math.max(
        leastAgeMs(terms) / DAY_MS,
        ((terms.count ?? 0) * everyMs) / DAY_MS,
        ...periodsKept(terms).map(({ period, count }) => PERIOD_DAYS[period] * count),
      ),
    ),
  );
  const longest = Math.max(...days);
  return { keep: Number.isFinite(longest) ? `${Math.ceil(longest)}d` : 'forever' };
}
