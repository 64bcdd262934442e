import {
  DescribeTargetGroupAttributesCommand,
  DescribeTargetHealthCommand,
  paginateDescribeTargetGroups,
  TargetHealthStateEnum,
  type ElasticLoadBalancingV2Client,
  type TargetDescription,
  type TargetHealthDescription,
} from '@aws-sdk/client-elastic-load-balancing-v2';
import type { AwsClients } from '../../aws/clients';
import { FAILURE } from '../../model/failures';
import type { DrainedGroup, DrainFacts, GroupMember, TargetGroup } from '../../model/machines/drain';
import { targetKey, type Target } from '../../model/target';
import { runUncancelled } from './commands';
import { failedItem } from '../support/failedItem';
import { told, withId, type KnownInstance } from '../support/known';
import { workInTurns } from '../support/pace/inTurns';
import { now } from '../support/pace/waits';
import { unlessGone } from '../support/unlessGone';

/**
 * Where there are many groups, a look at all of them counts for twenty times as long as it took, so that looking is a
 * twentieth of all calls: five minutes at most. Few groups are looked at whenever somebody asks.
 */
const FEW_GROUPS = 10;
const COUNTS_TIMES = 20;
const COUNTS_AT_MOST_MS = 5 * 60_000;
/** https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_DescribeTargetGroups.html */
const PAGE = 400;
const AT_ONCE = 5;
const DELAY = 'deregistration_delay.timeout_seconds';

/** Which machine is in which groups, as of one look. */
interface Look {
  countsUntil: number;
  /** Groups by the id of a target. */
  groups: Promise<Map<string, TargetGroup[]>>;
}

interface AllGroups {
  byTarget: Map<string, TargetGroup[]>;
  total: number;
}

const INDEXES = new WeakMap<AwsClients, Map<string, GroupIndex>>();

/** What a plan has to know of them; a role that may not read them is told so where they are to be drained. */
export async function readDrainFacts(
  aws: AwsClients,
  target: Target,
  instance: KnownInstance,
): Promise<DrainFacts> {
  const tags = (instance.Tags ?? []).filter(({ Key }) => !Key?.startsWith('aws:')).length;
  try {
    return { groups: await groupIndex(aws, target).readAsPlanned(instance), tags };
  } catch (error) {
    const { type, message } = failedItem('', error);
    if (type !== FAILURE.accessDenied) throw error;
    return { groups: [], tags, unreadable: message };
  }
}

/** One for each place and process: ELB tells a group's targets, and never a target's groups. */
export function groupIndex(aws: AwsClients, target: Target): GroupIndex {
  const all = INDEXES.get(aws) ?? new Map<string, GroupIndex>();
  INDEXES.set(aws, all);
  const index = all.get(targetKey(target)) ?? new GroupIndex(() => aws.elbv2(target, 'read'));
  all.set(targetKey(target), index);
  return index;
}

export class GroupIndex {
  private look: Look | undefined;
  private delays = new Map<string, number>();

  constructor(private readonly client: () => ElasticLoadBalancingV2Client) {}

  /** As a plan says it. */
  async readAsPlanned(instance: KnownInstance): Promise<DrainedGroup[]> {
    const found = await this.findCandidates(instance, { afresh: false });
    return Promise.all(
      found.map(async (group) => ({ ...group, delayMs: await this.readDelay(group.arn, { known: true }) })),
    );
  }

  /**
   * As it is now. Where looking takes long, who was added to a group within the last minutes is found only by looking
   * `afresh` at all of them.
   */
  async readNow(instance: KnownInstance, { afresh }: { afresh: boolean }): Promise<DrainedGroup[]> {
    const ids = new Set(idsOf(instance));
    const groups = await Promise.all(
      (await this.findCandidates(instance, { afresh })).map(async ({ arn, name }) => {
        const targets = (await listMembers(this.elb, arn)).filter(({ id }) => ids.has(id));
        if (targets.length === 0) return undefined;
        return { arn, name, targets, delayMs: await this.readDelay(arn, { known: false }) };
      }),
    );
    return groups.filter((group) => group !== undefined);
  }

  private get elb(): ElasticLoadBalancingV2Client {
    return this.client();
  }

  private async findCandidates(
    instance: KnownInstance,
    { afresh }: { afresh: boolean },
  ): Promise<TargetGroup[]> {
    if (afresh || !this.look || now() >= this.look.countsUntil) this.look = this.newLook();
    const groups = await this.look.groups;
    const own = idsOf(instance).flatMap((id) => groups.get(id) ?? []);
    const names = new Map(own.map(({ arn, name }) => [arn, name]));
    return [...names].map(([arn, name]) => ({
      arn,
      name,
      targets: own.filter((each) => each.arn === arn).flatMap(({ targets }) => targets),
    }));
  }

  /** Others wait for it too: it goes on although the activity that began it is over. */
  private newLook(): Look {
    this.delays.clear();
    const begunAt = now();
    const looking = runUncancelled(() => lookAtAll(this.elb));
    const look: Look = { countsUntil: Infinity, groups: looking.then(({ byTarget }) => byTarget) };
    looking.then(
      ({ total }) => (look.countsUntil = total > FEW_GROUPS ? countsUntil(begunAt) : 0),
      () => (look.countsUntil = 0),
    );
    return look;
  }

  /** https://docs.aws.amazon.com/elasticloadbalancing/latest/application/edit-target-group-attributes.html#deregistration-delay */
  private async readDelay(TargetGroupArn: string, { known }: { known: boolean }): Promise<number> {
    const before = known ? this.delays.get(TargetGroupArn) : undefined;
    if (before !== undefined) return before;
    const { Attributes = [] } = await this.elb.send(
      new DescribeTargetGroupAttributesCommand({ TargetGroupArn }),
    );
    const delayMs = 1000 * Number(Attributes.find(({ Key }) => Key === DELAY)?.Value ?? 0);
    this.delays.set(TargetGroupArn, delayMs);
    return delayMs;
  }
}

function countsUntil(begunAt: number): number {
  const endedAt = now();
  return endedAt + Math.min(COUNTS_TIMES * (endedAt - begunAt), COUNTS_AT_MOST_MS);
}

/** By which a target group may know a machine. */
export function idsOf({ InstanceId, NetworkInterfaces = [] }: KnownInstance): string[] {
  const addresses = NetworkInterfaces.flatMap(({ PrivateIpAddresses = [], Ipv6Addresses = [] }) => [
    ...PrivateIpAddresses.flatMap(({ PrivateIpAddress }) => PrivateIpAddress ?? []),
    ...Ipv6Addresses.flatMap(({ Ipv6Address }) => Ipv6Address ?? []),
  ]);
  return [InstanceId, ...addresses];
}

async function lookAtAll(elb: ElasticLoadBalancingV2Client): Promise<AllGroups> {
  const all: { arn: string; name: string }[] = [];
  for await (const { TargetGroups } of paginateDescribeTargetGroups({ client: elb, pageSize: PAGE }, {})) {
    for (const group of withId(TargetGroups, 'TargetGroupArn')) {
      const {
        TargetGroupArn: arn,
        TargetGroupName: name,
        TargetType,
      } = told(group, group.TargetGroupArn, 'TargetGroupName', 'TargetType');
      if (TargetType === 'instance' || TargetType === 'ip') all.push({ arn, name });
    }
  }
  const byTarget = new Map<string, TargetGroup[]>();
  await workInTurns(all, AT_ONCE, async ({ arn, name }) => {
    const targets = await listMembers(elb, arn);
    for (const id of new Set(targets.map((target) => target.id))) {
      const own = targets.filter((target) => target.id === id);
      byTarget.set(id, [...(byTarget.get(id) ?? []), { arn, name, targets: own }]);
    }
  });
  return { byTarget, total: all.length };
}

/** Who is registered, and not on the way out already; none of a group that is gone. */
async function listMembers(elb: ElasticLoadBalancingV2Client, arn: string): Promise<GroupMember[]> {
  const health = await describeHealth(elb, arn);
  return health.flatMap(({ Target, TargetHealth }) => {
    const leaves = TargetHealth?.State === TargetHealthStateEnum.DRAINING;
    if (leaves || Target?.Id === undefined || Target.Port === undefined) return [];
    const { Id: id, Port: port, AvailabilityZone: zone, QuicServerId: quicServerId } = Target;
    const healthy = TargetHealth?.State === TargetHealthStateEnum.HEALTHY;
    // Of an instance the zone is its own, and may not be named.
    const where = !id.startsWith('i-') && zone ? { zone } : {};
    return [{ id, port, ...where, ...(quicServerId && { quicServerId }), healthy }];
  });
}

/** https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_DescribeTargetHealth.html */
export async function describeHealth(
  elb: ElasticLoadBalancingV2Client,
  TargetGroupArn: string,
  Targets?: TargetDescription[],
): Promise<TargetHealthDescription[]> {
  const health = await unlessGone(elb.send(new DescribeTargetHealthCommand({ TargetGroupArn, Targets })));
  return health?.TargetHealthDescriptions ?? [];
}

export function describedMember({ id, port, zone, quicServerId }: GroupMember): TargetDescription {
  return {
    Id: id,
    Port: port,
    ...(zone && { AvailabilityZone: zone }),
    ...(quicServerId && { QuicServerId: quicServerId }),
  };
}
