import { isMap, isScalar, LineCounter, parseAllDocuments, type Document, type ErrorCode } from 'yaml';
import type { z } from 'zod';

/** What a person who has not read the specification of YAML can do about it. */
const PROBLEMS: Partial<Record<ErrorCode, string>> = {
  BAD_DQ_ESCAPE: 'a backslash in double quotes begins something special; write two, or use single quotes',
  BAD_INDENT: 'this line is indented more or less than its neighbours',
  BAD_SCALAR_START: 'a text may not begin with this character; put it in quotes',
  BLOCK_AS_IMPLICIT_KEY: 'a second colon in one line: put the text in quotes, or begin a new line',
  BLOCK_IN_FLOW: 'between [ ] or { } everything stands with commas between, and not in lines',
  DUPLICATE_KEY: 'this field is there twice; take one out',
  MISSING_CHAR: 'something is opened and not closed: a quote, a bracket, or the colon after a name',
  MULTILINE_IMPLICIT_KEY: 'this name is not followed by a colon in its line',
  TAB_AS_INDENT: 'it is indented by a tab; use spaces',
  UNEXPECTED_TOKEN: 'something here does not belong: look for a bracket, a quote or a comma too many',
  BAD_ALIAS: 'it names an anchor (*name) that there is not; a text that begins with * goes in quotes',
};
const NOT_YAML = 'look at the colons, the quotes and the indentation of this line and the one before';

/** One document of a YAML file. */
export interface YamlDocument {
  /** As JavaScript has it. */
  written: unknown;
  /** The line of a field, or of the nearest thing around it that is there. */
  lineOf(issue: z.core.$ZodIssue): number;
  /** How the value of a field is written in the file; undefined where it is no single value. */
  sourceOf(path: readonly PropertyKey[]): string | undefined;
}

/**
 * The documents of a file, those that are empty left out.
 *
 * @returns the problems instead, each with its line, where it is not YAML
 */
export function readDocuments(
  text: string,
): { documents: YamlDocument[] } | { problems: [number, string][] } {
  const lines = new LineCounter();
  const parsed = parseAllDocuments(text, { lineCounter: lines });
  const all = Array.isArray(parsed) ? parsed : [];
  const problems = all.flatMap(({ errors }) =>
    errors.map(({ code, pos }): [number, string] => [
      lines.linePos(pos[0]).line,
      `not YAML: ${PROBLEMS[code] ?? NOT_YAML}`,
    ]),
  );
  // What follows a first mistake is often its consequence, several times in one line.
  const [first] = problems;
  if (first)
    return {
      problems: problems
        .filter(([line], index) => problems.findIndex((each) => each[0] === line) === index)
        .slice(0, 3),
    };
  const documents = all.filter(
    ({ contents }) => contents !== null && !(isScalar(contents) && contents.value === null),
  );
  return {
    documents: documents.map((document) => ({
      written: document.toJS() as unknown,
      lineOf: (issue) => lineOf(document, lines, issue),
      sourceOf: (path) => {
        const node: unknown = document.getIn(path, true);
        return isScalar(node) ? node.source : undefined;
      },
    })),
  };
}

function lineOf(document: Document, lines: LineCounter, issue: z.core.$ZodIssue): number {
  const path = issue.code === 'unrecognized_keys' ? [...issue.path, issue.keys[0] ?? ''] : [...issue.path];
  for (; path.length > 0; path.pop()) {
    const parent: unknown = path.length === 1 ? document.contents : document.getIn(path.slice(0, -1), true);
    if (!isMap(parent)) continue;
    const pair = parent.items.find(({ key }) => String(key) === String(path.at(-1)));
    const range = (pair?.key as { range?: [number, number, number] } | undefined)?.range;
    if (range) return lines.linePos(range[0]).line;
  }
  const start = document.contents?.range?.[0] ?? 0;
  return lines.linePos(start).line;
}
