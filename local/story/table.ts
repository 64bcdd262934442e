export type StepState = 'waiting' | 'running' | 'done' | 'failed';

interface Row {
  title: string;
  state: StepState;
  note: string;
  startedAt?: number;
  endedAt?: number;
}

interface Output {
  isTTY?: boolean;
  columns?: number;
  write(text: string): unknown;
}

const MARKS: Record<StepState, string> = { waiting: '·', running: '▸', done: '✓', failed: '✗' };
const REDRAW_MS = 250;
const TITLE_WIDTH = 44;

/** The story's steps as a table: redrawn in place on a terminal, a line at each change elsewhere. */
export class LiveTable {
  private readonly rows: Row[];
  private drawn = 0;
  private timer: NodeJS.Timeout | undefined;

  constructor(
    titles: readonly string[],
    private readonly out: Output = process.stdout,
    private readonly now: () => number = Date.now,
  ) {
    this.rows = titles.map((title) => ({ title, state: 'waiting', note: '' }));
  }

  start(): void {
    if (!this.out.isTTY) return;
    this.timer = setInterval(() => this.redraw(), REDRAW_MS);
    this.redraw();
  }

  /** Leaves the table as it stands; lines printed from now on follow it. */
  stop(): void {
    clearInterval(this.timer);
    this.timer = undefined;
    if (this.out.isTTY) this.redraw();
  }

  change(title: string, state: StepState, note = ''): void {
    const row = this.row(title);
    if (state === 'running') row.startedAt = this.now();
    else row.endedAt = this.now();
    Object.assign(row, { state, note });
    this.show(row);
  }

  /** What the step is at. */
  note(title: string, note: string): void {
    const row = this.row(title);
    if (row.note === note) return;
    row.note = note;
    this.show(row);
  }

  private show(row: Row): void {
    if (this.out.isTTY) this.redraw();
    else this.out.write(`${this.line(row)}\n`);
  }

  private redraw(): void {
    if (this.drawn > 0) this.out.write(`\x1b[${this.drawn}A`);
    for (const row of this.rows) this.out.write(`\x1b[K${this.fitted(this.line(row))}\n`);
    this.drawn = this.rows.length;
  }

  /** A wrapped line would break the redrawing. */
  private fitted(line: string): string {
    return line.slice(0, (this.out.columns ?? 100) - 1);
  }

  private line({ title, state, note, startedAt, endedAt }: Row): string {
    const seconds =
      startedAt === undefined ? '' : `${(((endedAt ?? this.now()) - startedAt) / 1000).toFixed(0)} s`;
    return `  ${MARKS[state]} ${title.padEnd(TITLE_WIDTH)} ${seconds.padStart(5)}  ${note}`.trimEnd();
  }

  private row(title: string): Row {
    const row = this.rows.find((each) => each.title === title);
    if (!row) throw new Error(`the table has no row "${title}"`);
    return row;
  }
}
