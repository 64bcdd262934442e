import type { Rate } from './tokenBucket';

/**
 * Request rates by service and action, each per account and region
 * (https://docs.aws.amazon.com/ec2/latest/devguide/ec2-api-throttling.html,
 * https://docs.aws.amazon.com/kms/latest/developerguide/requests-per-second.html). AWS may have raised an account's
 * own; HOLDFAST_API_SHARE says how much of these Holdfast takes.
 */
const rate = (size: number, refillPerSecond: number): Rate => ({ size, refillPerSecond });

const EC2_ACTIONS: readonly (readonly [RegExp, Rate])[] = [
  [/^(Describe|Get|List|Search)/, rate(100, 20)],
  [
    /^(CreateSnapshots?|CreateVolume|DeleteSnapshot|Modify(Image|Snapshot)Attribute|DeregisterImage)$/,
    rate(100, 5),
  ],
  [/^CopyImage$/, rate(100, 1)],
  [/^CreateTags$/, rate(100, 10)],
  [/^StartInstances$/, rate(5, 2)],
];

const EC2_UNFILTERED = rate(50, 10);
const EC2_OTHER = rate(50, 5);

const KMS_ACTIONS: readonly (readonly [RegExp, Rate])[] = [
  [/^(Describe|Get|List)/, rate(100, 100)],
  [/^CreateGrant$/, rate(50, 50)],
];

/** https://docs.aws.amazon.com/general/latest/gr/ebs-service.html#limits_ebs: ListChangedBlocks requests per account. */
const EBS_DIRECT = rate(50, 50);

const KMS_OTHER = rate(5, 5);

/**
 * AWS publishes no rates for Run Command. These are modest, because everybody who patches and deploys shares them.
 */
const SSM_READS = rate(40, 10);
const SSM_OTHER = rate(20, 5);

/** https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_LookupEvents.html */
const LOOKUP_EVENTS = rate(2, 2);

/** Of IAM AWS publishes no rates either, and the whole account shares one. */
const IAM = rate(10, 5);
/**
 * Of version 2: all reads share one bucket, registrations another
 * (https://docs.aws.amazon.com/elasticloadbalancing/latest/userguide/elb-api-throttling.html).
 */
const ELB_READS = rate(40, 10);
const ELB_REGISTRATIONS = rate(20, 4);

export interface Budgeted {
  /** Name of the bucket: calls of one name share it. */
  bucket: string;
  rate: Rate;
}

/** Undefined for services that Holdfast does not ask often enough to matter. */
export function budgeted(service: string, action: string, input: object): Budgeted | undefined {
  if (service === 'ec2') {
    if (isUnfiltered(action, input)) return { bucket: `ec2:${action}:unfiltered`, rate: EC2_UNFILTERED };
    return { bucket: `ec2:${action}`, rate: lookUp(EC2_ACTIONS, action) ?? EC2_OTHER };
  }
  if (service === 'ebs') return { bucket: `ebs:${action}`, rate: EBS_DIRECT };
  if (service === 'kms') return { bucket: `kms:${action}`, rate: lookUp(KMS_ACTIONS, action) ?? KMS_OTHER };
  if (service === 'ssm') {
    return { bucket: `ssm:${action}`, rate: /^(Describe|Get|List)/.test(action) ? SSM_READS : SSM_OTHER };
  }
  if (service === 'cloudtrail') return { bucket: `cloudtrail:${action}`, rate: LOOKUP_EVENTS };
  if (service === 'iam') return { bucket: `iam:${action}`, rate: IAM };
  if (service === 'elasticloadbalancing') {
    return action.startsWith('Describe')
      ? { bucket: `${service}:read`, rate: ELB_READS }
      : { bucket: `${service}:registration`, rate: ELB_REGISTRATIONS };
  }
  return undefined;
}

/** AWS gives lists that name no ids, filters or page size a bucket of their own, and a smaller one. */
function isUnfiltered(action: string, input: object): boolean {
  if (!action.startsWith('Describe')) return false;
  return !Object.entries(input).some(
    ([key, value]) => value !== undefined && /^(Filters|MaxResults|.*Ids?)$/.test(key),
  );
}

function lookUp(table: typeof EC2_ACTIONS, action: string): Rate | undefined {
  return table.find(([pattern]) => pattern.test(action))?.[1];
}
