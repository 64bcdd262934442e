import { table, wrapped } from '../../../src/cli/table';
import { count, counts } from '../../../src/cli/words';

describe('a table', () => {
  it('is as wide as what is in it', () => {
    expect(
      table(
        ['A', 'B'],
        [
          ['one', 'x'],
          ['three', 'y'],
        ],
      ),
    ).toBe('A      B\none    x\nthree  y');
  });

  it('leaves out a column that nothing is in', () => {
    expect(table(['A', 'NOTE', 'B'], [['one', '', 'x']])).toBe('A    B\none  x');
  });

  it('fits 120 columns: long texts of its last column go on below', () => {
    const why = 'a reason of some words '.repeat(12).trim();
    const text = table(
      ['MACHINE', 'WHY'],
      [
        ['i-0123456789abcdef0', why],
        ['i-1', 'short'],
      ],
    );
    const lines = text.split('\n');
    expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(120);
    expect(lines[2]).toMatch(/^ {21}\S/);
    expect(text.replace(/\s+/g, ' ')).toContain(why);
    expect(lines.at(-1)).toBe('i-1                  short');
  });

  it('breaks no word: an id can be pasted as it stands', () => {
    expect(wrapped(`see ${'x'.repeat(30)} there`, 10)).toEqual(['see', 'x'.repeat(30), 'there']);
  });
});

describe('numbers', () => {
  it('have their plurals, and zeros are left out', () => {
    expect([count(1, 'machine'), count(2, 'machine')]).toEqual(['1 machine', '2 machines']);
    expect(counts([0, 'instance'], [1, 'volume by itself', 'volumes by themselves'])).toBe(
      '1 volume by itself',
    );
    expect(counts([2, 'instance'], [3, 'volume'])).toBe('2 instances and 3 volumes');
    expect(counts([0, 'instance'])).toBe('nothing');
  });
});
