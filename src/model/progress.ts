/** One line of a workflow's progress table: a machine, a target, a region, a step. */
export interface ProgressRow {
  item: string;
  state: string;
  note?: string;
  /** The same for programs, where there is more to tell. */
  facts?: MoveFacts;
}

/** What a campaign knows of a machine, or a volume by itself, that it has moved. */
export interface MoveFacts {
  /** Not of a volume by itself: nothing was down for it. */
  downtimeMs?: number;
  /** ISO 8601: its originals are deleted then, unless somebody decides before. */
  soakUntil?: string;
}

/** Answer of the `progress` query. `nextCursor` is there when rows are left. */
export interface ProgressPage {
  phase: string;
  /** What it waits for, where it waits. */
  waitsFor?: string;
  counts: Record<string, number>;
  rows: ProgressRow[];
  nextCursor?: string;
}

export interface ProgressQuery {
  cursor?: string;
}

const ROWS_A_PAGE = 100;
const ROWS_IN_DETAILS = 30;
/** The Web UI sets columns of a table without any space between them; this space is one that it keeps. */
const GAP = '\u2003';

export function progressPage(
  phase: string,
  rows: ProgressRow[],
  { cursor }: ProgressQuery = {},
): ProgressPage {
  const start = Number(cursor ?? 0) || 0;
  const page = rows.slice(start, start + ROWS_A_PAGE);
  const next = start + page.length;
  return {
    phase,
    counts: countByState(rows),
    rows: page,
    ...(next < rows.length && { nextCursor: String(next) }),
  };
}

export function countByState(rows: ProgressRow[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { state } of rows) counts[state] = (counts[state] ?? 0) + 1;
  return counts;
}

/** Markdown for the Web UI: what is going on, a count by state, and a table of the first rows. */
export function progressMarkdown(
  phase: string,
  rows: ProgressRow[],
  remarks: readonly string[] = [],
): string {
  const counts = Object.entries(countByState(rows)).map(([state, count]) => `${count} ${state}`);
  const lines = [`**${phase}**${counts.length > 0 ? ` · ${counts.join(' · ')}` : ''}`];
  for (const remark of remarks) lines.push('', remark);
  if (rows.length > 0) {
    lines.push('', '| item | state | note |', '|---|---|---|');
    for (const row of rows.slice(0, ROWS_IN_DETAILS)) {
      const cells = [row.item, row.state, row.note ?? ''].map(cell);
      lines.push(`| ${cells.join(` |${GAP}`)} |`);
    }
    if (rows.length > ROWS_IN_DETAILS)
      lines.push('', `… and ${rows.length - ROWS_IN_DETAILS} more: query \`progress\``);
  }
  return lines.join('\n');
}

function cell(text: string): string {
  return text.replaceAll('|', '\\|').replaceAll('\n', ' ');
}
