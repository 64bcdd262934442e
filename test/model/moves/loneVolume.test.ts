import {
  formatVolumeMark,
  parseVolumeMark,
  planVolume,
  type LoneVolumeFacts,
} from '../../../src/model/moves/loneVolume';
import { formatOriginalMark, parseOriginalMark } from '../../../src/model/machines/marks';

const KEY = 'arn:aws:kms:us-east-1:111111111111:key/1';
const OTHER = 'arn:aws:kms:us-east-1:111111111111:key/2';
const WANTED = { kmsKeyArn: KEY, strategy: 'auto', rekey: false } as const;
const FACTS: LoneVolumeFacts = {
  target: { accountId: '111111111111', region: 'us-east-1' },
  volumeId: 'vol-1',
  device: '-',
  type: 'gp3',
  size: 10,
  iops: 4000,
  throughput: 250,
  deleteOnTermination: false,
  zone: 'us-east-1a',
  createdAt: 1,
  state: 'available',
  encrypted: false,
  multiAttach: false,
  beingModified: false,
  attachedTo: [],
};
const planned = (facts: Partial<LoneVolumeFacts>, wanted: object = {}) =>
  planVolume({ ...FACTS, ...facts }, { ...WANTED, ...wanted });

describe('the plan of a volume that is attached to nothing', () => {
  it('goes direct where nothing is asked for, and keeps what the volume is', () => {
    const decision = planned({ type: 'io2', multiAttach: true, throughput: undefined });
    expect(decision).toMatchObject({
      kind: 'plan',
      plan: {
        volumeId: 'vol-1',
        disks: [{ volumeId: 'vol-1', type: 'io2', iops: 4000, multiAttach: true }],
        strategy: { name: 'direct', expectedDowntimeMs: { copy: 0, direct: 0, clone: 0 } },
      },
    });
  });

  it.each(['copy', 'direct', 'clone'] as const)('does %s where that is asked for', (strategy) => {
    const why = `strategy ${strategy} was asked for`;
    expect(planned({}, { strategy })).toMatchObject({ plan: { strategy: { name: strategy, why } } });
  });

  it.each<[string, Partial<LoneVolumeFacts>, string]>([
    ['is attached by now', { state: 'in-use', attachedTo: ['i-1'] }, 'attached to i-1'],
    ['is in error', { state: 'error' }, 'it is error'],
    ['is being modified', { beingModified: true }, 'being modified'],
    ['is a Kubernetes volume', { managedBy: 'Kubernetes' }, 'into an encrypted storage class'],
    ['is a service’s', { managedBy: 'Amazon ECS' }, 'it belongs to Amazon ECS'],
  ])('leaves alone what %s', (_, facts, reason) => {
    const decision = planned(facts);
    expect(decision).toMatchObject({ kind: 'blocked', reasons: [expect.stringContaining(reason) as string] });
  });

  it('names every reason', () => {
    const decision = planned({ state: 'error', beingModified: true });
    expect(decision).toMatchObject({
      kind: 'blocked',
      reasons: ['it is error', expect.any(String) as string],
    });
  });

  it('has nothing to do for what is encrypted, but where another key is wanted', () => {
    expect(planned({ encrypted: true, kmsKeyArn: KEY })).toMatchObject({ kind: 'nothing' });
    const under = { encrypted: true, kmsKeyArn: OTHER };
    expect(planned(under)).toMatchObject({
      kind: 'nothing',
      reason: expect.stringContaining('rekey') as string,
    });
    expect(planned(under, { rekey: true })).toMatchObject({
      kind: 'plan',
      plan: { disks: [{ encryptedUnder: OTHER }] },
    });
  });
});

describe('the mark of an original that is attached to nothing', () => {
  it('is read as it was written, and as that of an original that is its own holder', () => {
    const mark = formatVolumeMark('vol-1', { migrationId: 'mig-1', phase: 'soak' });
    expect(parseVolumeMark(mark)).toEqual({ migrationId: 'mig-1', phase: 'soak' });
    expect(parseOriginalMark(mark)).toMatchObject({ migrationId: 'mig-1', instanceId: 'vol-1' });
  });

  it('is not that of a machine’s original', () => {
    const disk = { ...FACTS, device: '/dev/sdf' };
    expect(parseVolumeMark(formatOriginalMark('mig-1', 'i-1', disk))).toBeUndefined();
    expect(parseVolumeMark(undefined)).toBeUndefined();
  });
});
