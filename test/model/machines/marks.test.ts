import {
  formatMachineMark,
  formatOriginalMark,
  parseMachineMark,
  parseOriginalMark,
} from '../../../src/model/machines/marks';
import type { DiskPlan } from '../../../src/model/machines/facts';

const DISK: DiskPlan = {
  volumeId: 'vol-data',
  device: '/dev/sdf',
  type: 'gp3',
  size: 8,
  deleteOnTermination: false,
  zone: 'us-east-1a',
  createdAt: 1,
};

describe('marks', () => {
  it.each(['prepare', 'rest', 'swap', 'start', 'soak'] as const)(
    'of a machine in %s come back as they were',
    (phase) => {
      const mark = { migrationId: 'mig-1', wasRunning: true, phase };
      const text = formatMachineMark('i-1', mark);
      expect(parseMachineMark(text, 'i-1')).toEqual(mark);
      expect(parseMachineMark(`mig-1 running ${phase}`, 'i-1')).toEqual(mark);
    },
  );

  it('of a machine that goes back say so, and which runs have gone back with it', () => {
    const mark = {
      ...({ migrationId: 'mig-1', wasRunning: false, phase: 'soak' } as const),
      goingBack: ['run-1', 'run-2'],
    };
    expect(parseMachineMark(formatMachineMark('i-1', mark), 'i-1')).toEqual(mark);
  });

  it('count only on the machine and the volume that they were written on', () => {
    const mark = { migrationId: 'mig-1', wasRunning: true, phase: 'soak' } as const;
    expect(parseMachineMark(formatMachineMark('i-1', mark), 'i-2')).toBeUndefined();
    expect(parseOriginalMark(formatOriginalMark('mig-1', 'i-1', DISK), 'vol-copy')).toBeUndefined();
  });

  it('of an original name the new volume in their fifth word', () => {
    const text = formatOriginalMark('mig-1', 'i-1', DISK, 'vol-new');
    expect(text.split(' ')[4]).toBe('vol-new');
    expect(parseOriginalMark(text, 'vol-data')).toMatchObject({
      migrationId: 'mig-1',
      replacedBy: 'vol-new',
    });
    expect(parseOriginalMark('mig-1 i-1 /dev/sdf -', 'vol-data')).not.toHaveProperty('replacedBy');
  });

  it('of an original volume come back as they were, in a tag value', () => {
    const text = formatOriginalMark('mig-1', 'i-1', DISK);
    expect(text.length).toBeLessThanOrEqual(256);
    expect(parseOriginalMark(text)).toEqual({
      migrationId: 'mig-1',
      instanceId: 'i-1',
      device: '/dev/sdf',
      deleteOnTermination: false,
    });
  });

  it.each(['', 'mig-1', 'mig-1 running', 'mig-1 walking swap', 'mig-1 running away'])(
    'are not read from %j',
    (text) => {
      expect(parseMachineMark(text)).toBeUndefined();
      expect(parseOriginalMark(text)).toBeUndefined();
    },
  );
});
