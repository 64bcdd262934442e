import type { DiskPlan } from '../../src/model/migration';
import {
  formatMachineMark,
  formatOriginalMark,
  parseMachineMark,
  parseOriginalMark,
} from '../../src/model/migrationMarks';

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
  it.each(['rest', 'swap', 'start', 'soak'] as const)(
    'of a machine in %s come back as they were',
    (phase) => {
      const text = formatMachineMark('mig-1', true, phase);
      expect(parseMachineMark(text)).toEqual({ migrationId: 'mig-1', wasRunning: true, phase });
    },
  );

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
