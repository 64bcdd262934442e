import { planVolume, type LoneVolumeFacts } from '../../../src/model/moves/loneVolume';
import { planMigration } from '../../../src/model/moves/migration';
import type { StrategyAsked } from '../../../src/model/moves/strategy';
import type { MachineFacts, VolumeFacts } from '../../../src/model/machines/facts';

const VOLUME: VolumeFacts = {
  volumeId: 'vol-1',
  device: '/dev/xvda',
  type: 'gp3',
  size: 8,
  deleteOnTermination: true,
  zone: 'us-east-1a',
  createdAt: 1,
  state: 'in-use',
  encrypted: false,
  multiAttach: false,
  beingModified: false,
};
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
  volumes: [VOLUME],
};
const STRATEGIES: StrategyAsked[] = ['auto', 'copy', 'direct', 'clone'];
const wanted = (strategy: StrategyAsked) => ({ kmsKeyArn: 'key', strategy, rekey: false });
const keys = (count: number, prefix = 'k') => Array.from({ length: count }, (_, n) => `${prefix}${n}`);

const machine = (more: Partial<MachineFacts>, strategy: StrategyAsked = 'auto') =>
  planMigration({ ...MACHINE, ...more }, wanted(strategy));
const machineWith = (tagKeys: string[], strategy: StrategyAsked) =>
  machine({ volumes: [{ ...VOLUME, tagKeys }] }, strategy);
const loneWith = (tagKeys: string[], strategy: StrategyAsked) => {
  const facts: LoneVolumeFacts = {
    ...VOLUME,
    target: MACHINE.target,
    state: 'available',
    attachedTo: [],
    tagKeys,
  };
  return planVolume(facts, wanted(strategy));
};
const reasonsOf = (decision: object) => ('reasons' in decision ? decision.reasons : []) as string[];

/** https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/Using_Tags.html#tag-restrictions */
describe('the tags that a move adds', () => {
  describe.each([
    ['a machine', machineWith],
    ['a volume that is attached to nothing', loneWith],
  ])('to the volumes of %s', (_, planned) => {
    it.each(STRATEGIES)('fit beside 48 of the user’s, with %s', (strategy) => {
      expect(planned(keys(48), strategy)).toMatchObject({ kind: 'plan' });
    });

    it.each(STRATEGIES)('block it where they do not fit, and say how many must go, with %s', (strategy) => {
      for (const [count, surplus] of [
        [49, 1],
        [50, 2],
      ] as const)
        expect(reasonsOf(planned(keys(count), strategy))).toEqual([
          `vol-1 has ${count} tags, where EC2 takes 50: remove ${surplus}, so that Holdfast's marks fit on it and on the volume that replaces it`,
        ]);
    });

    it('are counted without AWS’s own', () => {
      expect(planned([...keys(48), ...keys(10, 'aws:x')], 'copy')).toMatchObject({ kind: 'plan' });
      expect(reasonsOf(planned([...keys(49), ...keys(10, 'aws:x')], 'copy'))[0]).toContain('has 49 tags');
    });

    it('are counted once where a mark is there already, and leave the old marks behind', () => {
      const marked = ['holdfast:original', 'holdfast:clone-claim'];
      expect(planned([...keys(48), ...marked], 'clone')).toMatchObject({ kind: 'plan' });
      expect(planned([...keys(40), ...keys(9, 'holdfast:x')], 'direct')).toMatchObject({ kind: 'plan' });
      expect(reasonsOf(planned([...keys(40), ...keys(9, 'holdfast:x')], 'clone'))[0]).toContain('remove 1,');
    });
  });

  it('have auto take a strategy whose marks fit', () => {
    expect(machineWith(keys(48), 'auto')).toMatchObject({ plan: { strategy: { name: 'clone' } } });
    const full = machineWith([...keys(40), ...keys(9, 'holdfast:x')], 'auto');
    expect(full).toMatchObject({
      plan: {
        strategy: { name: 'direct', why: expect.stringContaining('vol-1 has so many tags') as string },
      },
    });
  });

  it('have to fit on the machine too', () => {
    expect(machine({ tagKeys: keys(49) })).toMatchObject({ kind: 'plan' });
    expect(reasonsOf(machine({ tagKeys: keys(50) }))).toEqual([
      "it has 50 tags, where EC2 takes 50: remove 1, so that Holdfast's mark fits on it",
    ]);
    expect(machine({ tagKeys: [...keys(49), 'holdfast:migration'] })).toMatchObject({ kind: 'plan' });
  });

  it('are counted of the volumes that move alone', () => {
    const stays = { ...VOLUME, volumeId: 'vol-2', device: '/dev/sdf', encrypted: true, kmsKeyArn: 'key' };
    const volumes = [VOLUME, { ...stays, tagKeys: keys(50) }];
    expect(machine({ volumes })).toMatchObject({ kind: 'plan' });
  });
});
