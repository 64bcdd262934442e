import { z } from 'zod';
import { fixedDurationMs, fixedDurationSchema, formatDuration } from '../duration';
import type { Target } from '../target';

const DEFAULT_TIMEOUT = '15m';
/** EC2's, of a resource; the user's own tags count too: https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/Using_Tags.html */
const MOST_TAGS = 50;
const LONGEST_TAG = 256;

/** Whether machines leave their target groups before the stop; `timeout` bounds leaving, and serving again afterwards. */
export const drainSchema = z.union([
  z.boolean({ error: 'true, or { "timeout": "15m" }' }),
  z.strictObject({
    timeout: fixedDurationSchema.describe(
      'How long leaving the target groups, and becoming healthy in them again, may take each.',
    ),
  }),
]);

export type Drain = z.output<typeof drainSchema>;

/** Undefined where nothing is drained. */
export function drainTimeoutMs(drain: Drain | undefined): number | undefined {
  if (drain === undefined || drain === false) return undefined;
  return fixedDurationMs(drain === true ? DEFAULT_TIMEOUT : drain.timeout);
}

/** One registration, as it has to be made again. */
export interface GroupMember {
  /** The instance's id, or one of its addresses. */
  id: string;
  port: number;
  /** Of an address: its Availability Zone, or `all`. */
  zone?: string;
  quicServerId?: string;
  /** Whether it got requests, and so has to again. */
  healthy: boolean;
}

/** What a target group has of one machine. */
export interface TargetGroup {
  arn: string;
  name: string;
  targets: GroupMember[];
}

export interface DrainedGroup extends TargetGroup {
  /** How long its load balancers let requests under way go on: its deregistration delay, in milliseconds. */
  delayMs: number;
}

/** As people see it before it happens. */
export interface DrainPlan {
  groups: { name: string; targets: string[]; delayMs: number }[];
  /** Until requests under way have ended; the machine runs meanwhile. */
  takesMs: number;
}

/** What is known of the target groups of a machine. */
export interface DrainFacts {
  groups: readonly DrainedGroup[];
  /** Why they could not be read. */
  unreadable?: string;
  /** Tags that the machine has. */
  tags: number;
}

interface DrainDecision {
  blockers: string[];
  remarks: string[];
  plan?: DrainPlan;
}

export function planDrain(drain: Drain | undefined, facts: DrainFacts | undefined): DrainDecision {
  const timeoutMs = drainTimeoutMs(drain);
  if (!facts) return { blockers: [], remarks: [] };
  const { groups, unreadable } = facts;
  if (timeoutMs === undefined) return { blockers: [], remarks: groups.length > 0 ? [undrained(groups)] : [] };
  if (unreadable !== undefined)
    return { blockers: [`drain: its target groups cannot be read: ${unreadable}`], remarks: [] };
  const blockers = [
    ...groups.flatMap(({ name, delayMs }) =>
      delayMs > timeoutMs ? [tooSlow(name, delayMs, timeoutMs)] : [],
    ),
    ...tooManyTags(groups, facts.tags),
  ];
  if (groups.length === 0) return { blockers, remarks: [] };
  return { blockers, remarks: [], plan: drainPlan(groups) };
}

function drainPlan(groups: readonly DrainedGroup[]): DrainPlan {
  return {
    groups: groups.map(({ name, targets, delayMs }) => ({ name, targets: targets.map(memberName), delayMs })),
    takesMs: Math.max(0, ...groups.map(({ delayMs }) => delayMs)),
  };
}

export function memberName({ id, port }: GroupMember): string {
  return `${id}:${port}`;
}

function undrained(groups: readonly TargetGroup[]): string {
  const names = groups.map(({ name }) => name).join(', ');
  return `it is in target group ${names} and is not drained: requests under way end with the stop; "drain": true takes it out first`;
}

function tooSlow(name: string, delayMs: number, timeoutMs: number): string {
  return `drain: target group ${name} drains for ${formatDuration(delayMs)}, longer than the timeout of ${formatDuration(timeoutMs)}; give drain a longer timeout, or the group a shorter deregistration delay`;
}

function tooManyTags(groups: readonly TargetGroup[], tags: number): string[] {
  const needed = formatGroupMarks(groups, LONGEST_SIGNATURE).length + 1;
  const surplus = tags + needed - MOST_TAGS;
  if (groups.length === 0 || surplus <= 0) return [];
  return [
    `drain: it has ${tags} tags, and ${needed} more are needed to note its targets, where EC2 allows ${MOST_TAGS}; remove ${surplus}`,
  ];
}

/** In a line, for the table of a campaign. */
export function drainExpectation({ groups, takesMs }: DrainPlan): string {
  const names = groups.map(({ name }) => name).join(', ');
  return `leaves target group ${names} first, for up to ${formatDuration(takesMs)} before the stop`;
}

/** Of which machine a note is, and by which migration: tags come along with images and launch templates. */
export interface Signature {
  instanceId: string;
  migrationId: string;
}

const LONGEST_SIGNATURE = { instanceId: 'i-0123456789abcdef0', migrationId: 'mig-0123456789abcdef0' };

/**
 * Values of tags on the machine, of what is to be registered again: `<name>/<id of the group> of:<instance>:<migration>
 * <target> <target>…`, each target `<i|address>=<port>[@<zone>][/<QUIC server id>][+]`, where `i` is the instance and `+`
 * says that it was healthy. 0.1.0 wrote no signature, and reads over it.
 */
export function formatGroupMarks(groups: readonly TargetGroup[], by: Signature): string[] {
  return groups.flatMap(({ arn, targets }) => {
    const group = arn.split(':targetgroup/')[1] ?? '';
    const marks: string[] = [];
    for (const target of targets) {
      const text = formatMember(target);
      const last = marks.at(-1);
      if (last !== undefined && last.length + 1 + text.length <= LONGEST_TAG)
        marks[marks.length - 1] = `${last} ${text}`;
      else marks.push(`${group} of:${by.instanceId}:${by.migrationId} ${text}`);
    }
    return marks;
  });
}

/** Undefined of a note of 0.1.0. */
export function signatureOf(mark: string): Signature | undefined {
  const [, instanceId, migrationId] = /^\S+ of:([^: ]+):([^: ]+)( |$)/.exec(mark) ?? [];
  return instanceId && migrationId ? { instanceId, migrationId } : undefined;
}

function formatMember({ id, port, zone, quicServerId, healthy }: GroupMember): string {
  const whose = id.startsWith('i-') ? 'i' : id;
  return `${whose}=${port}${zone ? `@${zone}` : ''}${quicServerId ? `/${quicServerId}` : ''}${healthy ? '+' : ''}`;
}

interface Marked {
  target: Target;
  instanceId: string;
  kmsKeyArn: string;
}

/** Of a machine; the partition of its key is that of everything about it. */
export function parseGroupMarks(marks: readonly string[], marked: Marked): TargetGroup[] {
  const [, partition = 'aws'] = marked.kmsKeyArn.split(':');
  const { accountId, region } = marked.target;
  const groups = marks.flatMap((mark): TargetGroup[] => {
    const [group = '', ...texts] = mark.split(' ');
    const targets = texts.flatMap((text) => parseMember(text, marked.instanceId) ?? []);
    if (targets.length === 0) return [];
    const arn = `arn:${partition}:elasticloadbalancing:${region}:${accountId}:targetgroup/${group}`;
    return [{ arn, name: group.split('/')[0] ?? '', targets }];
  });
  return joinedGroups(groups);
}

function parseMember(text: string, instanceId: string): GroupMember | undefined {
  const match = /^([^=]+)=(\d+)(?:@([^/+]+))?(?:\/(0x[0-9a-f]+))?(\+)?$/.exec(text);
  if (!match) return undefined;
  const [, id = '', port, zone, quicServerId, healthy] = match;
  return {
    id: id === 'i' ? instanceId : id,
    port: Number(port),
    ...(zone && { zone }),
    ...(quicServerId && { quicServerId }),
    healthy: healthy !== undefined,
  };
}

/** Each group and each target once; the first word on a target counts. */
export function joinedGroups(groups: readonly TargetGroup[]): TargetGroup[] {
  const joined = new Map<string, TargetGroup & { keys: Set<string> }>();
  for (const { arn, name, targets } of groups) {
    const group = joined.get(arn) ?? { arn, name, targets: [], keys: new Set<string>() };
    joined.set(arn, group);
    for (const target of targets) {
      const key = `${target.id} ${target.port} ${target.zone ?? ''}`;
      if (group.keys.has(key)) continue;
      group.keys.add(key);
      group.targets.push(target);
    }
  }
  return [...joined.values()].map(({ keys: _, ...group }) => group);
}
