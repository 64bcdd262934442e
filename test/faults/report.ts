import type { Played } from './player';

/** Lines of a table: what was played, and how it ended, by path and fault. */
export class Report {
  private readonly rows: string[][] = [];

  add(path: string, fault: string, played: readonly Played[], seconds: number): void {
    const count = (holds: (one: Played) => boolean) => String(played.filter(holds).length);
    this.rows.push([
      path,
      fault,
      String(played.length),
      count(({ end }) => end === 'migrated'),
      count(({ end }) => end === 'as before'),
      count(({ end }) => end === 'rolled back'),
      count(({ end }) => end === 'other'),
      count(({ met }) => !met),
      seconds.toFixed(0),
    ]);
  }

  toString(): string {
    const head = [
      'path',
      'fault',
      'points',
      'migrated',
      'as before',
      'rolled back',
      'other',
      'never came',
      'seconds',
    ];
    const lines = [head, head.map(() => '---'), ...this.rows];
    return lines.map((cells) => `| ${cells.join(' | ')} |`).join('\n');
  }
}
