/** What an AWS error name says is full, and whether that ends by itself. */
export interface Limit {
  /**
   * `true`: it ends by itself, and is waited for however long that takes. `false`: it does not, and nothing is tried again.
   * `perhaps`: the same name stands for either, so it is tried again for some minutes.
   */
  passes: boolean | 'perhaps';
  /** What is full. */
  what: string;
  /** Why it passes, or what a person has to do. */
  so: string;
  /** AWS's page. */
  page: string;
}

const EC2 = 'https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html';
const EBS = 'https://docs.aws.amazon.com/ebs/latest/userguide/ebs-resource-quotas.html';
const EBS_DIRECT = 'https://docs.aws.amazon.com/ebs/latest/userguide/ebsapi-performance.html';
const ARCHIVE = 'https://docs.aws.amazon.com/ebs/latest/userguide/snapshot-archive.html#archive-quotas';
const TAGS = 'https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/Using_Tags.html#tag-restrictions';
const FILTERS = 'https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/Using_Filtering.html';
const ATTACHMENTS = 'https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/volume_limits.html';
const INSTANCES = 'https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/ec2-on-demand-instances.html';
const RESERVATIONS = 'https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/ec2-capacity-reservations.html';
const MODIFICATIONS = 'https://docs.aws.amazon.com/ebs/latest/userguide/modify-volume-requirements.html';
const IMAGES = 'https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/ami-quotas.html';
const KMS = 'https://docs.aws.amazon.com/kms/latest/developerguide/resource-limits.html';
const IAM = 'https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html';
const TARGETS =
  'https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_RegisterTargets.html';

const RAISE = 'raise the quota in Service Quotas, or remove what nobody needs';
const LATER = 'AWS finds room for it sooner or later';

type Row = [name: string, passes: Limit['passes'], what: string, so: string, page: string];

const ROWS: readonly Row[] = [
  // What is under way ends.
  [
    'ConcurrentSnapshotLimitExceeded',
    true,
    'the pending snapshots of the volume',
    'those under way complete',
    EC2,
  ],
  [
    'PendingSnapshotLimitExceeded',
    true,
    'the pending snapshots of the region',
    'those under way complete',
    EC2,
  ],
  [
    'ConcurrentCreateImageNoRebootLimitExceeded',
    true,
    'the images of the instance that are being made',
    'those under way complete',
    EC2,
  ],
  [
    'ConcurrentCopyLimitExceeded',
    true,
    'the snapshot copies under way to the region',
    'those under way complete',
    EBS,
  ],
  [
    'ConcurrentLimitExceededException',
    true,
    'the calls that EBS direct takes at once',
    'those under way end',
    EBS_DIRECT,
  ],
  ['UpdateLimitExceeded', true, 'the changes that EC2 takes in five minutes', 'they pass', EC2],
  // What AWS has too little of comes back.
  ['InsufficientCapacity', true, 'AWS’s own capacity', LATER, EC2],
  ['InsufficientInstanceCapacity', true, 'AWS’s own capacity of that instance type in the zone', LATER, EC2],
  ['InsufficientHostCapacity', true, 'AWS’s own capacity of Dedicated Hosts', LATER, EC2],
  ['InsufficientVolumeCapacity', true, 'AWS’s own capacity of that volume type in the zone', LATER, EC2],
  ['InsufficientAddressCapacity', true, 'AWS’s own addresses', LATER, EC2],
  ['InsufficientReservedInstanceCapacity', true, 'AWS’s own capacity of Reserved Instances', LATER, EC2],
  ['InsufficientReservedInstancesCapacity', true, 'AWS’s own capacity of Reserved Instances', LATER, EC2],
  ['UnfulfillableCapacity', true, 'AWS’s own spare capacity', LATER, EC2],
  ['BandwidthLimitExceeded', true, 'the network bandwidth of the instance', 'it is used less again', EC2],

  // One name for either.
  [
    'ReservationCapacityExceeded',
    'perhaps',
    'the targeted Capacity Reservation',
    'stop another instance in it, make it larger, or let the instance target another one',
    RESERVATIONS,
  ],
  [
    'InsufficientCapacityOnHost',
    'perhaps',
    'the Dedicated Host',
    'stop another instance on it, or let the instance start on another host',
    EC2,
  ],
  [
    'TooManyTargets',
    'perhaps',
    'the targets of the target group or load balancer, of which one may just be leaving',
    'deregister others, or raise the quota in Service Quotas',
    TARGETS,
  ],
  [
    'TooManyRegistrationsForTargetId',
    'perhaps',
    'the registrations of the target, of which one may just be leaving',
    'deregister it elsewhere, or raise the quota in Service Quotas',
    TARGETS,
  ],

  // What stays full until somebody acts.
  [
    'TagLimitExceeded',
    false,
    'the 50 tags of a resource',
    'remove tags that nobody needs from it, or from what its tags are copied from',
    TAGS,
  ],
  [
    'FilterLimitExceeded',
    false,
    'the 50 filters and 200 filter values of one call',
    'ask for less at once: fewer tags, values or ids in the selector',
    FILTERS,
  ],
  ['SnapshotLimitExceeded', false, 'the quota “Snapshots per Region”', RAISE, EBS],
  ['VolumeLimitExceeded', false, 'the quota “Storage for … volumes, in TiB” of that volume type', RAISE, EBS],
  ['MaxIOPSLimitExceeded', false, 'the quota “IOPS for … volumes” of that volume type', RAISE, EBS],
  ['VolumeIOPSLimit', false, 'the IOPS that a volume of that type may have', 'ask for fewer', EC2],
  [
    'VolumeModificationSizeLimitExceeded',
    false,
    'the quota “Storage modifications … volumes” of that volume type',
    RAISE,
    MODIFICATIONS,
  ],
  [
    'ArchivedSnapshotsPerVolumeLimitExceeded',
    false,
    'the quota “Archived snapshots per volume”',
    RAISE,
    ARCHIVE,
  ],
  [
    'AttachmentLimitExceeded',
    false,
    'the volumes and network interfaces that the instance takes, or the instances that the volume takes',
    'detach one that is not needed, or give the instance a larger type',
    ATTACHMENTS,
  ],
  [
    'VcpuLimitExceeded',
    // Whoever holds what is full may stop: a machine that is put back waits for that for a while.
    'perhaps',
    'the quota “Running On-Demand … instances”, in vCPUs',
    'stop other instances, or raise the quota in Service Quotas',
    INSTANCES,
  ],
  [
    'InstanceLimitExceeded',
    // Whoever holds what is full may stop: a machine that is put back waits for that for a while.
    'perhaps',
    'the quota “Running On-Demand … instances”',
    'stop other instances, or raise the quota in Service Quotas',
    INSTANCES,
  ],
  ['HostLimitExceeded', false, 'the quota of Dedicated Hosts', RAISE, EC2],
  ['AddressLimitExceeded', false, 'the quota “EC2-VPC Elastic IPs”', RAISE, EC2],
  ['PrivateIpAddressLimitExceeded', false, 'the private addresses of the network interface', RAISE, EC2],
  [
    'InvalidInterface.IpAddressLimitExceeded',
    false,
    'the private addresses of the network interface',
    RAISE,
    EC2,
  ],
  [
    'InsufficientFreeAddressesInSubnet',
    false,
    'the addresses of the subnet, where stopped instances keep theirs',
    'free some, or use another subnet',
    EC2,
  ],
  ['NetworkInterfaceLimitExceeded', false, 'the quota “Network interfaces per Region”', RAISE, EC2],
  ['SecurityGroupLimitExceeded', false, 'the quota of security groups', RAISE, EC2],
  ['SecurityGroupsPerInstanceLimitExceeded', false, 'the security groups of the instance', RAISE, EC2],
  ['SecurityGroupsPerInterfaceLimitExceeded', false, 'the security groups of the interface', RAISE, EC2],
  ['KeyPairLimitExceeded', false, 'the quota of key pairs', RAISE, EC2],
  ['PlacementGroupLimitExceeded', false, 'the quota of placement groups', RAISE, EC2],
  ['MaxTemplateLimitExceeded', false, 'the quota of launch templates', RAISE, EC2],
  ['MaxTemplateVersionLimitExceeded', false, 'the versions of the launch template', RAISE, EC2],
  ['MaxSpotInstanceCountExceeded', false, 'the quota of Spot Instances', RAISE, EC2],
  ['ResourceCountExceeded', false, 'what one request may ask for', 'ask for less at once', EC2],
  ['AMIQuotaExceeded', false, 'the quota “AMIs” or “Public AMIs” of the region', RAISE, IMAGES],
  [
    'LimitExceededException',
    false,
    'a quota of the service (of KMS: keys, aliases, grants of a key, rotations on demand)',
    RAISE,
    KMS,
  ],
  ['LimitExceeded', false, 'a quota of IAM', RAISE, IAM],
  ['ServiceQuotaExceededException', false, 'a quota of the service', RAISE, EBS_DIRECT],
];

const TABLE = new Map(ROWS.map(([name, passes, what, so, page]) => [name, { passes, what, so, page }]));

/**
 * "You have exceeded an Amazon EC2 resource limit. For example, you might have too many snapshot copies in progress": of calls
 * that copy it is that, and ends; of any other nobody can tell. Without a call it is one that copies.
 */
function resourceLimit(action: string | undefined): Limit {
  return action === undefined || action.startsWith('Copy')
    ? { passes: true, what: 'the copies under way to the region', so: 'those under way complete', page: EC2 }
    : { passes: 'perhaps', what: 'a resource limit of EC2', so: RAISE, page: EC2 };
}

/**
 * What is known of a limit that AWS names; undefined of a name that is not a limit's, or that is not known here.
 *
 * @param action of the call that was refused, as in `CopySnapshot`
 */
export function limitOf(errorName: string, action?: string): Limit | undefined {
  if (errorName === 'ResourceLimitExceeded') return resourceLimit(action);
  // Load balancers' names come with and without the word.
  return TABLE.get(errorName) ?? TABLE.get(errorName.replace(/Exception$/, ''));
}

/** Every name that is known, for tests. */
export const LIMITS: ReadonlyMap<string, Limit> = TABLE;

/** Whether a name that is not known sounds like a limit's. */
export function soundsLikeLimit(errorName: string): boolean {
  return /(Limit|Quota|Count|Capacity)Exceeded(Exception)?$|^Insufficient.*Capacity|^TooMany/.test(errorName);
}
