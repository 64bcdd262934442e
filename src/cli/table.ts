/** Columns of a terminal that tables keep to. */
const WIDTH = 120;
/** A last column that is narrower than this is left to the terminal. */
const NARROWEST = 30;
const GAP = 2;

/**
 * Rows under their headings, as wide as what is in them; a column that has nothing in it is left out. Where that does not fit in 120
 * columns, the texts of the last one go on below.
 */
export function table(headings: readonly string[], rows: readonly (readonly string[])[]): string {
  const used = headings.flatMap((_, column) => (rows.some((row) => row[column]) ? [column] : []));
  const cellsOf = (row: readonly string[]) => used.map((column) => row[column] ?? '');
  const all = [headings, ...rows].map(cellsOf);
  const widths = used.map((_, column) => Math.max(...all.map((cells) => cells[column]?.length ?? 0)));
  const indent = widths.slice(0, -1).reduce((sum, width) => sum + width + GAP, 0);
  const room = WIDTH - indent;
  const line = (cells: readonly string[]) =>
    cells
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join(' '.repeat(GAP))
      .trimEnd();
  return all
    .flatMap((cells) => {
      const last = cells.at(-1) ?? '';
      const [first = '', ...more] = room < NARROWEST ? [last] : wrapped(last, room);
      return [line([...cells.slice(0, -1), first]), ...more.map((text) => ' '.repeat(indent) + text)];
    })
    .join('\n');
}

/** Lines of at most so many characters, broken between words; a word that is longer is not broken. */
export function wrapped(text: string, width: number): string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ')) {
    const longer = line === '' ? word : `${line} ${word}`;
    if (line !== '' && longer.length > width) {
      lines.push(line);
      line = word;
    } else line = longer;
  }
  return [...lines, line];
}
