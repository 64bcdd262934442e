import { ACCEPTABLE, type Acceptable } from '../../../src/model/moves/blockers';
import { planMigration, type Wanted } from '../../../src/model/moves/migration';
import type { MachineFacts, VolumeFacts } from '../../../src/model/machines/facts';

const ROOT: VolumeFacts = {
  volumeId: 'vol-root',
  device: '/dev/xvda',
  type: 'gp3',
  size: 8,
  iops: 3000,
  throughput: 125,
  deleteOnTermination: true,
  zone: 'us-east-1a',
  createdAt: 1,
  state: 'in-use',
  encrypted: false,
  multiAttach: false,
  beingModified: false,
};
const DATA: VolumeFacts = { ...ROOT, volumeId: 'vol-data', device: '/dev/sdf', deleteOnTermination: false };

const MACHINE: MachineFacts = {
  target: { accountId: '111111111111', region: 'us-east-1' },
  instanceId: 'i-1',
  state: 'running',
  rootDevice: '/dev/xvda',
  rootDeviceType: 'ebs',
  spot: false,
  hibernation: false,
  productCodes: [],
  stopProtection: false,
  terminationProtection: false,
  volumes: [ROOT, DATA],
};

const WANTED: Wanted = { kmsKeyArn: 'key-arn', strategy: 'auto', rekey: false };
const planned = (more: Partial<MachineFacts> = {}, wanted: Partial<Wanted> = {}) =>
  planMigration({ ...MACHINE, ...more }, { ...WANTED, ...wanted });

describe('planMigration', () => {
  it('moves every unencrypted volume, and only those', () => {
    const encrypted = { ...DATA, volumeId: 'vol-secret', device: '/dev/sdg', encrypted: true };
    const plan = planned({ volumes: [ROOT, DATA, encrypted] });
    expect(plan).toMatchObject({
      kind: 'plan',
      plan: { wasRunning: true, kmsKeyArn: 'key-arn', untouchedData: ['vol-secret'] },
    });
    const ids = plan.kind === 'plan' ? plan.plan.disks.map(({ volumeId }) => volumeId) : [];
    expect(ids).toEqual(['vol-root', 'vol-data']);
  });

  describe('of volumes that are encrypted under another key', () => {
    const other = {
      ...DATA,
      volumeId: 'vol-other',
      device: '/dev/sdg',
      encrypted: true,
      kmsKeyArn: 'other-arn',
    };
    const own = { ...other, volumeId: 'vol-own', device: '/dev/sdh', kmsKeyArn: 'key-arn' };

    it('leaves them alone, and says so, unless it shall move them too', () => {
      expect(planned({ volumes: [other, own] })).toEqual({
        kind: 'nothing',
        reason:
          'every volume is encrypted already; vol-other under another key, which "rekey": true would change',
      });
      expect(planned({ volumes: [ROOT, other] })).toMatchObject({ plan: { untouchedData: ['vol-other'] } });
    });

    it('moves them, and those alone, with `rekey`', () => {
      expect(planned({ volumes: [ROOT, other, own] }, { rekey: true })).toMatchObject({
        plan: {
          disks: [{ volumeId: 'vol-root' }, { volumeId: 'vol-other', encryptedUnder: 'other-arn' }],
          untouchedData: ['vol-own'],
        },
      });
      expect(planned({ volumes: [own] }, { rekey: true })).toMatchObject({ kind: 'nothing' });
    });
  });

  it('is blocked where more volumes shall be cloned than EBS copies at a time', () => {
    const volumes = Array.from({ length: 6 }, (_, n) => ({ ...ROOT, volumeId: `vol-${n}` }));
    expect(planned({ volumes }, { strategy: 'clone' })).toMatchObject({
      kind: 'blocked',
      reasons: [expect.stringContaining('6 volumes to move in one stop, and EBS copies 5')],
    });
    expect(planned({ volumes }, { strategy: 'direct' })).toMatchObject({ kind: 'plan' });
  });

  it('does not count an encrypted root among the data volumes that a snapshot set leaves out', () => {
    const plan = planned({ volumes: [{ ...ROOT, encrypted: true }, DATA] });
    expect(plan).toMatchObject({ kind: 'plan', plan: { untouchedData: [] } });
  });

  it('is blocked where more volumes stay than a snapshot set leaves out, unless it clones', () => {
    const others = (count: number) =>
      Array.from({ length: count }, (_, n) => ({
        ...DATA,
        volumeId: `vol-${n}`,
        device: `/dev/x${n}`,
        encrypted: true,
      }));
    const of = (count: number, strategy: Wanted['strategy'] = 'copy') =>
      planned({ volumes: [ROOT, DATA, ...others(count)] }, { strategy });
    expect(of(40)).toMatchObject({ kind: 'plan' });
    expect(of(41)).toEqual({
      kind: 'blocked',
      reasons: [
        expect.stringContaining('41 of its data volumes stay as they are, and EC2 leaves at most 40 out'),
      ],
    });
    expect(of(41, 'clone')).toMatchObject({ kind: 'plan' });
  });

  it('has nothing to do where everything is encrypted, whatever else would forbid it', () => {
    const volumes = [{ ...ROOT, encrypted: true }];
    expect(planned({ volumes, spot: true })).toMatchObject({ kind: 'nothing' });
  });

  it.each<[string, Partial<MachineFacts>]>([
    ['it is stopping', { state: 'stopping' }],
    ['instance store', { rootDeviceType: 'instance-store' }],
    ['Spot Instance', { spot: true }],
    ['Auto Scaling group web', { autoScalingGroup: 'web' }],
    ['managed by Amazon EKS', { managedBy: 'Amazon EKS' }],
    ['hibernation', { hibernation: true }],
    ['product codes abc', { productCodes: ['abc'] }],
    ['public IPv4 1.2.3.4', { assignedPublicIp: '1.2.3.4' }],
    [
      'instance store volumes, whose data',
      { instanceStore: 'm5d.large comes with 75 GB of instance store volumes' },
    ],
    ['stop protection', { stopProtection: true }],
    ['termination protection', { terminationProtection: true }],
    ['vol-data is a Multi-Attach volume', { volumes: [ROOT, { ...DATA, multiAttach: true }] }],
    ['vol-data belongs to Kubernetes', { volumes: [ROOT, { ...DATA, managedBy: 'Kubernetes' }] }],
    [
      'vol-data belongs to Amazon ECS',
      { volumes: [ROOT, { ...DATA, encrypted: true, kmsKeyArn: 'key-arn', managedBy: 'Amazon ECS' }] },
    ],
    ['vol-data is being modified', { volumes: [ROOT, { ...DATA, beingModified: true }] }],
    ['vol-data is creating', { volumes: [ROOT, { ...DATA, state: 'creating' }] }],
  ])('names what forbids it: %s', (reason, facts) => {
    const decision = planned(facts);
    expect(decision.kind).toBe('blocked');
    expect(decision.kind === 'blocked' ? decision.reasons : []).toEqual([expect.stringContaining(reason)]);
  });

  const STORE = 'm5d.large comes with 75 GB of instance store volumes';

  it.each<[Acceptable, Partial<MachineFacts>, string]>([
    ['assignedPublicIp', { assignedPublicIp: '1.2.3.4' }, '1.2.3.4 changes with the stop'],
    ['instanceStore', { instanceStore: STORE }, 'whose data the stop erases'],
    ['terminationProtection', { terminationProtection: true }, 'never terminates'],
  ])('is moved in spite of %s where that is accepted, and says what it costs', (blocker, facts, effect) => {
    const others = ACCEPTABLE.filter((each) => each !== blocker);
    expect(planned(facts, { allow: others })).toMatchObject({
      reasons: [expect.stringContaining(`"allow": ["${blocker}"]`)],
    });
    expect(planned(facts, { allow: [blocker] })).toMatchObject({
      kind: 'plan',
      plan: { accepted: [{ blocker, effect: expect.stringContaining(effect) as string }] },
    });
    expect(planned({ ...facts, spot: true }, { allow: [blocker] })).toMatchObject({
      reasons: ['it is a Spot Instance, which a stop may end'],
    });
  });

  it('carries the address that will change, and nothing where nothing was accepted', () => {
    const facts = { assignedPublicIp: '1.2.3.4', terminationProtection: true };
    const allow: Acceptable[] = ['assignedPublicIp', 'terminationProtection'];
    expect(planned(facts, { allow })).toMatchObject({ plan: { publicIp: '1.2.3.4' } });
    const plain = planned({}, { allow });
    expect(plain.kind === 'plan' && plain.plan).not.toHaveProperty('accepted');
    expect(plain.kind === 'plan' && plain.plan).not.toHaveProperty('publicIp');
  });

  it('needs no consent for instance store volumes of a machine that is stopped: their data are gone', () => {
    expect(planned({ state: 'stopped', instanceStore: STORE })).toMatchObject({ kind: 'plan' });
  });

  it('names every reason, not just the first', () => {
    const decision = planned({ spot: true, stopProtection: true, state: 'pending' });
    expect(decision.kind === 'blocked' ? decision.reasons : []).toHaveLength(3);
  });
});
