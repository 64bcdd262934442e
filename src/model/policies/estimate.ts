import type { CopyTerms } from '../copies/copy';
import type { NormalizedPolicy } from './policy';
import { Biller, sumOf, totalOf, type Bill, type CostTerms, type CostVolume } from '../cost/bill';
import { DAILY_CHANGES } from '../cost/comparison';
import { PRICES } from '../cost/prices';
import type { CalendarRules } from '../cost/year';
import type { TargetSurvey } from './survey';

/** Where writes are taken to fall while nothing is known of a volume. */
const USUAL_HOT_SHARE = 0.2;

/** What a policy costs in AWS charges, by how much of the data changes a day; as if every block were written. */
export interface CostEstimate {
  prices: { asOf: string; region: string; currency: string };
  by: {
    /** Share of the blocks that differ after a day. */
    dailyChange: number;
    firstYear: number;
    /** Of a month when a year's points are there. */
    monthAfterwards: number;
  }[];
}

interface Asked {
  policy: NormalizedPolicy;
  /** On average, which for wall-clock schedules is less than the longest time between two slots. */
  everyMs: number;
  surveys: readonly Pick<TargetSurvey, 'target' | 'volumes' | 'gib'>[];
  rules: CalendarRules;
}

export function estimateCost({ policy, everyMs, surveys, rules }: Asked): CostEstimate {
  const biller = new Biller(rules);
  const { asOf, region, currency } = PRICES;
  const total = (dailyChange: number, bill: (terms: CostTerms, volume: CostVolume) => Bill) =>
    cents(
      sumOf(
        surveys.map(({ target, volumes, gib }) => {
          const profile = { hotShare: USUAL_HOT_SHARE, dailyChange };
          return bill(costTerms(policy, everyMs, target.region), {
            count: volumes,
            writtenGib: gib,
            profile,
          });
        }),
      ),
    );
  return {
    prices: { asOf, region, currency },
    by: DAILY_CHANGES.map((dailyChange) => ({
      dailyChange,
      firstYear: total(dailyChange, (terms, volume) => biller.firstYear(terms, volume)),
      monthAfterwards: total(dailyChange, (terms, volume) => biller.monthAfterwards(terms, volume)),
    })),
  };
}

type Priced = Pick<NormalizedPolicy, 'retention' | 'minKeep' | 'archive' | 'timezone'> & {
  copies: Pick<CopyTerms, 'toRegion' | 'retention' | 'archive'>[];
};

/** A policy as its bill sees it, for what is in a region. */
export function costTerms(policy: Priced, everyMs: number, region: string): CostTerms {
  const { retention, minKeep, archive, timezone } = policy;
  const copies = policy.copies.map(({ toRegion, ...copy }) => ({
    retention: copy.retention,
    minKeep,
    archive: copy.archive,
    otherRegion: toRegion !== region,
  }));
  return { everyMs, retention, minKeep, archive, timezone, copies, measuresChanges: true };
}

function cents(bill: Bill): number {
  return Math.round(totalOf(bill) * 100) / 100;
}
