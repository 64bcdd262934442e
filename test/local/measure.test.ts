import { compareMachines, type Disk, type MachineRecord } from '../../local/measure/disks';
import { LiveTable } from '../../local/story/table';

const KEY = 'arn:aws:kms:us-east-1:111111111111:key/1';

const before = disk({ volumeId: 'vol-old', encrypted: false });
const after = disk({ volumeId: 'vol-new', encrypted: true, kmsKeyId: KEY });

function disk(more: Partial<Disk>): Disk {
  const attributes = { type: 'gp3', size: 8, iops: 4500, throughput: 300, multiAttach: false, tags: {} };
  return { volumeId: '', encrypted: true, attached: true, attributes, ...more };
}

function machine(disks: Record<string, Disk>, state = 'running'): MachineRecord {
  return { instanceId: 'i-1', state, disks: new Map(Object.entries(disks)) };
}

describe('the check of a migrated machine', () => {
  const checked = (now: MachineRecord) => compareMachines(machine({ '/dev/sdf': before }), now, KEY);

  it('holds when only the volume and its encryption are others', () => {
    expect(checked(machine({ '/dev/sdf': after })).every(({ held }) => held)).toBe(true);
  });

  it.each<[string, Record<string, Disk>]>([
    ['is not encrypted', { '/dev/sdf': { ...after, encrypted: false } }],
    ['is under other', { '/dev/sdf': { ...after, kmsKeyId: 'other' } }],
    ['is not attached', { '/dev/sdf': { ...after, attached: false } }],
    ['still has its old volume', { '/dev/sdf': { ...after, volumeId: 'vol-old' } }],
    ['has no volume any more', {}],
    [
      'iops was 4500 and is 3000',
      { '/dev/sdf': { ...after, attributes: { ...after.attributes, iops: 3000 } } },
    ],
    ['/dev/sdg is new', { '/dev/sdf': after, '/dev/sdg': after }],
  ])('does not hold when a volume %s', (problem, disks) => {
    const [volumes] = checked(machine(disks));
    expect(volumes).toMatchObject({ held: false, found: expect.stringContaining(problem) as string });
  });

  it('does not hold when the machine is down', () => {
    const [, runs] = checked(machine({ '/dev/sdf': after }, 'stopped'));
    expect(runs?.held).toBe(false);
  });
});

describe('the live table', () => {
  function drawn(isTTY: boolean, act: (table: LiveTable) => void): string {
    let text = '';
    const out = { isTTY, columns: 40, write: (more: string) => (text += more) };
    const table = new LiveTable(['one', 'two'], out, () => 0);
    table.start();
    act(table);
    table.stop();
    return text;
  }

  it('writes a line at each change where there is no terminal', () => {
    const text = drawn(false, (table) => {
      table.change('one', 'running');
      table.change('one', 'done', 'well');
    });
    expect(text.split('\n').filter(Boolean)).toHaveLength(2);
    expect(text).toMatch(/✓ one +0 s {2}well/);
  });

  it('redraws in place on a terminal, and wraps no line', () => {
    const text = drawn(true, (table) => table.change('one', 'running', 'x'.repeat(100)));
    expect(text).toContain('\x1b[2A');
    const lines = text.split('\n').map((line) => line.slice(line.lastIndexOf('\x1b[K') + 3));
    expect(Math.max(...lines.map(({ length }) => length))).toBeLessThan(40);
  });
});
