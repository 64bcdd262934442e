import { KMS_REQUESTS_A_SNAPSHOT, PRICES } from './prices';
import { changedBy, type Changed, type WriteProfile } from './writes';
import { keptYear, type CalendarRules, type Chain, type KeptYear, type SnapshotDays } from './year';

const MONTH_DAYS = 365 / 12;

/** What a policy costs by: how often, how long, and where copies go. */
export interface CostTerms extends Chain {
  copies: (Omit<Chain, 'everyMs' | 'timezone'> & { otherRegion: boolean })[];
  /** Whether runs ask EBS how many blocks have changed. */
  measuresChanges: boolean;
}

/** One volume, or many that are alike. */
export interface CostVolume {
  count: number;
  /** In all, of blocks that have ever been written; others are not stored. */
  writtenGib: number;
  profile: WriteProfile;
}

/** US dollars. */
export interface Bill {
  standard: number;
  archive: number;
  copies: number;
  transfer: number;
  requests: number;
}

export function totalOf({ standard, archive, copies, transfer, requests }: Bill): number {
  return standard + archive + copies + transfer + requests;
}

export function sumOf(bills: readonly Bill[]): Bill {
  const sum = (pick: (bill: Bill) => number) => bills.reduce((total, bill) => total + pick(bill), 0);
  return {
    standard: sum(({ standard }) => standard),
    archive: sum(({ archive }) => archive),
    copies: sum(({ copies }) => copies),
    transfer: sum(({ transfer }) => transfer),
    requests: sum(({ requests }) => requests),
  };
}

/**
 * Reckons bills. The first copy in a place is a full one, which encrypts everything again; the later ones hold what has
 * changed, as long as they are under the same key
 * (https://docs.aws.amazon.com/ebs/latest/userguide/ebs-copy-snapshot.html). Chains and
 * profiles that are alike are reckoned once.
 */
export class Biller {
  private readonly years = new Map<string, KeptYear>();
  private readonly profiles = new Map<string, Changed>();

  constructor(private readonly rules: CalendarRules) {}

  /** A volume's first year under a policy. */
  firstYear(terms: CostTerms, volume: CostVolume): Bill {
    const { snapshots } = this.year(terms);
    return this.bill(terms, volume, ({ all }) => all, { snapshots, firstCopies: 1 });
  }

  /** A month of it once a year's points are there. */
  monthAfterwards(terms: CostTerms, volume: CostVolume): Bill {
    const { snapshots } = this.year(terms);
    return this.bill(
      terms,
      volume,
      ({ last: { full, archived, byGap } }) => ({
        full: full * MONTH_DAYS,
        archived: archived * MONTH_DAYS,
        byGap: new Map([...byGap].map(([gap, each]) => [gap, each * MONTH_DAYS])),
      }),
      { snapshots: snapshots / 12, firstCopies: 0 },
    );
  }

  private bill(
    terms: CostTerms,
    { count, writtenGib, profile }: CostVolume,
    pick: (year: KeptYear) => SnapshotDays,
    { snapshots, firstCopies }: { snapshots: number; firstCopies: number },
  ): Bill {
    const changed = this.changed(profile);
    const own = pick(this.year(terms));
    const copies = terms.copies.map((copy) => pick(this.year({ ...terms, archive: undefined, ...copy })));
    const everyDays = terms.everyMs / 86_400_000;
    const toOthers = terms.copies.filter(({ otherRegion }) => otherRegion).length;
    const archived = [own, ...copies].reduce((sum, days) => sum + days.archived, 0);
    const stored = copies.reduce((sum, days) => sum + gibMonths(days, changed), 0);
    return {
      standard: gibMonths(own, changed) * writtenGib * PRICES.standardGibMonth,
      archive: (archived / MONTH_DAYS) * writtenGib * PRICES.archiveGibMonth,
      copies: stored * writtenGib * PRICES.standardGibMonth,
      transfer:
        toOthers *
        (firstCopies + (snapshots - firstCopies) * changed(everyDays)) *
        writtenGib *
        PRICES.transferGib,
      requests: count * snapshots * requestsOf(terms),
    };
  }

  private year({ everyMs, retention, minKeep, archive, timezone }: Chain): KeptYear {
    const chain = { everyMs, retention, minKeep, archive, timezone };
    return cached(this.years, JSON.stringify(chain), () => keptYear(chain, this.rules));
  }

  private changed(profile: WriteProfile): Changed {
    return cached(this.profiles, JSON.stringify(profile), () => changedBy(profile));
  }
}

/** For each snapshot that is made. */
function requestsOf({ copies, measuresChanges }: CostTerms): number {
  return (
    PRICES.s3Put +
    (1 + copies.length) * KMS_REQUESTS_A_SNAPSHOT * PRICES.kmsRequest +
    (measuresChanges ? PRICES.ebsDirectRequest : 0)
  );
}

/** Of one GiB. */
function gibMonths({ full, byGap }: SnapshotDays, changed: Changed): number {
  const days = [...byGap].reduce((sum, [gap, count]) => sum + count * changed(gap), full);
  return days / MONTH_DAYS;
}

function cached<Value>(map: Map<string, Value>, key: string, make: () => Value): Value {
  const known = map.get(key) ?? make();
  map.set(key, known);
  return known;
}
