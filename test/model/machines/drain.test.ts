import {
  drainTimeoutMs,
  formatGroupMarks,
  joinedGroups,
  parseGroupMarks,
  planDrain,
  signatureOf,
  type DrainedGroup,
  type GroupMember,
} from '../../../src/model/machines/drain';
import { encryptVolumesInput } from '../../../src/model/encryption/campaign/campaign';
import { parseInput } from '../../../src/model/input';

const INSTANCE = 'i-0123456789abcdef0';
const MARKED = {
  target: { accountId: '123456789012', region: 'cn-north-1' },
  instanceId: INSTANCE,
  kmsKeyArn: 'arn:aws-cn:kms:cn-north-1:123456789012:key/k',
};
const BY = { instanceId: INSTANCE, migrationId: 'mig-0123456789abcdef0' };
const arn = (name: string) =>
  `arn:aws-cn:elasticloadbalancing:cn-north-1:123456789012:targetgroup/${name}/73e2d6bc24d8a067`;
const group = (name: string, targets: GroupMember[]) => ({ arn: arn(name), name, targets });
const at = (port: number, more: Partial<GroupMember> = {}): GroupMember => ({
  id: INSTANCE,
  port,
  healthy: true,
  ...more,
});

describe('what is noted of target groups', () => {
  it.each([
    ['an instance by its ports', [group('web', [at(80), at(8080, { healthy: false })])]],
    ['an address with its zone', [group('db', [at(5432, { id: '10.0.0.7', zone: 'cn-north-1a' })])]],
    ['an address of another VPC', [group('db', [at(5432, { id: '10.9.0.7', zone: 'all', healthy: false })])]],
    ['an IPv6 address', [group('v6', [at(443, { id: '2001:db8::1', zone: 'cn-north-1b' })])]],
    ['a QUIC target', [group('quic', [at(443, { quicServerId: '0x0123456789abcdef' })])]],
    ['several groups', [group('web', [at(80)]), group('api', [at(81)])]],
  ])('comes back as it was: %s', (_, groups) => {
    expect(parseGroupMarks(formatGroupMarks(groups, BY), MARKED)).toEqual(groups);
  });

  it('takes another tag where one is full', () => {
    const many = group(
      'a-name-of-thirty-two-characters-x',
      Array.from({ length: 60 }, (_, index) => at(10_000 + index)),
    );
    const marks = formatGroupMarks([many], BY);
    expect(marks.length).toBeGreaterThan(1);
    expect(Math.max(...marks.map((mark) => mark.length))).toBeLessThanOrEqual(256);
    expect(parseGroupMarks(marks, MARKED)).toEqual([many]);
  });

  it('holds what EC2 allows in a tag only', () => {
    const address = at(443, { id: '2001:db8::1', zone: 'all', quicServerId: '0x0123456789abcdef' });
    for (const mark of formatGroupMarks([group('web', [at(80), address])], BY))
      expect(mark).toMatch(/^[\w .:/=+\-@]+$/);
  });

  it('counts each target once, as it was first', () => {
    const first = group('web', [at(80)]);
    const again = group('web', [at(80, { healthy: false }), at(81)]);
    expect(joinedGroups([first, again])).toEqual([group('web', [at(80), at(81)])]);
  });

  it('is signed, in every tag', () => {
    const many = group(
      'web',
      Array.from({ length: 60 }, (_, index) => at(10_000 + index)),
    );
    const marks = formatGroupMarks([many, group('api', [at(81)])], BY);
    expect(marks.map(signatureOf)).toEqual(marks.map(() => BY));
  });

  it.each(['web/73e2d6bc24d8a067 i=80+', 'web/73e2d6bc24d8a067 of:i-1 i=80', 'of:i-1:mig-1 i=80', ''])(
    'is not signed as %j',
    (mark) => {
      expect(signatureOf(mark)).toBeUndefined();
    },
  );

  it('of 0.1.0, without a signature, is read as it was', () => {
    expect(parseGroupMarks(['web/73e2d6bc24d8a067 i=80+ i=8080'], MARKED)).toEqual([
      group('web', [at(80), at(8080, { healthy: false })]),
    ]);
  });

  it('of others is nothing', () => {
    expect(parseGroupMarks(['', 'web/73e2d6bc24d8a067', 'web/73e2d6bc24d8a067 what?'], MARKED)).toEqual([]);
  });
});

describe('the plan of a drain', () => {
  const groups: DrainedGroup[] = [
    { ...group('web', [at(80), at(8080)]), delayMs: 300_000 },
    { ...group('api', [at(81)]), delayMs: 60_000 },
  ];

  it('names the groups and the longest of their delays', () => {
    expect(planDrain(true, { groups, tags: 3 })).toEqual({
      blockers: [],
      remarks: [],
      plan: {
        takesMs: 300_000,
        groups: [
          { name: 'web', targets: [`${INSTANCE}:80`, `${INSTANCE}:8080`], delayMs: 300_000 },
          { name: 'api', targets: [`${INSTANCE}:81`], delayMs: 60_000 },
        ],
      },
    });
  });

  it('is none where nothing is to be drained', () => {
    expect(planDrain(true, { groups: [], tags: 50 })).toEqual({ blockers: [], remarks: [] });
    expect(planDrain(true, undefined)).toEqual({ blockers: [], remarks: [] });
  });

  it('is a remark where it was not asked for', () => {
    expect(planDrain(false, { groups, tags: 3 }).remarks).toEqual([
      expect.stringContaining('it is in target group web, api and is not drained'),
    ]);
    expect(planDrain(undefined, { groups: [], tags: 3, unreadable: 'denied' }).remarks).toEqual([]);
  });

  it.each([
    [
      'a group that drains for longer',
      { timeout: '4m' },
      { groups, tags: 3 },
      /web drains for 5 min, longer/,
    ],
    ['groups that cannot be read', true, { groups: [], tags: 3, unreadable: 'denied' }, /read: denied$/],
    ['no room for tags', true, { groups, tags: 48 }, /it has 48 tags, and 3 more are needed/],
  ])('is blocked by %s', (_, drain, facts, why) => {
    const { blockers, plan } = planDrain(drain, facts);
    expect(blockers).toEqual([expect.stringMatching(why)]);
    expect(plan === undefined).toBe(facts.groups.length === 0);
  });

  it.each([
    [undefined, undefined],
    [false, undefined],
    [true, 900_000],
    [{ timeout: '1h' }, 3_600_000],
  ])('of %j takes %s ms at most', (drain, ms) => {
    expect(drainTimeoutMs(drain)).toBe(ms);
  });

  it.each([
    ['yes', /drain: /],
    [{}, /drain\.timeout: /],
    [{ timeout: '15m', force: true }, /drain\.force: not a field/],
  ])('is refused as %j', (drain, why) => {
    const parsed = parseInput(encryptVolumesInput, { instanceIds: [INSTANCE], kmsKeyId: 'alias/k', drain });
    expect(parsed).toMatchObject({ ok: false, problems: expect.stringMatching(why) as string });
  });
});
