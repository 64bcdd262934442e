/** What decides where a reservation of one more machine of the same kind is to be made. */
export interface CapacityFacts {
  instanceType: string;
  zone: string;
  /** As DescribeInstances tells it: https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/billing-info-fields.html */
  platformDetails: string;
  tenancy: string;
  placementGroup?: string;
  /** Of the machine: `open`, `none` or `capacity-reservations-only`. */
  preference?: string;
  /** It targets a reservation, or runs in one. */
  hasReservation: boolean;
}

export type CapacityPlan =
  | {
      kind: 'reserve';
      instanceType: string;
      platform: string;
      zone: string;
      tenancy: 'default' | 'dedicated';
    }
  /** Nothing is to be done: its place is its own already. */
  | { kind: 'needless'; why: string }
  | { kind: 'impossible'; why: string };

const AS_IT_IS = ['Linux/UNIX', 'Red Hat Enterprise Linux', 'SUSE Linux', 'Windows'];
const EDITION =
  /^(?:(Windows|Red Hat Enterprise Linux) with )?SQL Server (Enterprise|Standard|Web)( and HA)?$/;

export function planCapacity(facts: CapacityFacts): CapacityPlan {
  const { instanceType, zone, tenancy, placementGroup, preference } = facts;
  if (facts.hasReservation) return { kind: 'needless', why: 'it has a capacity reservation of its own' };
  if (tenancy === 'host') return { kind: 'needless', why: 'its Dedicated Host keeps its capacity' };
  if (preference === 'none')
    return impossible('its Capacity Reservation preference is none: it would not use a reservation');
  if (placementGroup)
    return impossible(`it is in placement group ${placementGroup}: reserve capacity in there`);
  const platform = reservedPlatform(facts.platformDetails);
  if (!platform) return impossible(`its platform ${facts.platformDetails} has no name among reservations`);
  return {
    kind: 'reserve',
    instanceType,
    platform,
    zone,
    tenancy: tenancy === 'dedicated' ? 'dedicated' : 'default',
  };
}

function impossible(why: string): CapacityPlan {
  return { kind: 'impossible', why: `${why}; or leave reserveCapacity out` };
}

/** EC2 has other names for the same in reservations: https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateCapacityReservation.html */
function reservedPlatform(details: string): string | undefined {
  if (AS_IT_IS.includes(details)) return details;
  if (details === 'Red Hat Enterprise Linux with HA') return 'RHEL with HA';
  if (details === 'Ubuntu Pro Linux') return 'Ubuntu Pro';
  const [, system = 'Linux', edition, ha] = EDITION.exec(details) ?? [];
  if (!edition) return undefined;
  const named = system === 'Red Hat Enterprise Linux' ? 'RHEL' : system;
  return ha ? `${named} with HA and SQL Server ${edition}` : `${named} with SQL Server ${edition}`;
}
