const REASONS: Record<string, string> = {
  ENOENT: 'there is no such file',
  EISDIR: 'it is a folder; name a file in it',
  ENOTDIR: 'a part of its path is a file and no folder',
  EACCES: 'this user may not read it',
  EPERM: 'this user may not read it',
  ELOOP: 'its links lead in a circle',
  ENAMETOOLONG: 'its name is too long',
};

/** Why a file cannot be read, from the code of the system's error; for somebody who does not know those. */
export function whyUnreadable(error: unknown): string {
  const { code = 'an unknown error' } = error as { code?: string };
  return REASONS[code] ?? `the system says ${code}`;
}

/**
 * Where JSON stops being JSON. Node says it in words of its own, of which the position is of use.
 *
 * @param writtenLike an example of what belongs there
 */
export function whyNoJson(text: string, error: unknown, writtenLike: string): string {
  const at = /at position (\d+)/.exec(error instanceof Error ? error.message : '')?.[1];
  const before = at === undefined ? text.trimEnd() : text.slice(0, Number(at));
  const lines = before.split('\n');
  const where = `line ${lines.length}, character ${(lines.at(-1) ?? '').length + 1}`;
  return `is not JSON from ${where} on; write it like ${writtenLike}, with double quotes around names and texts`;
}
