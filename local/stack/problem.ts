/** A failure that we understand: one line that names the fix, and no stack. */
export class Problem extends Error {
  override readonly name = 'Problem';
}

export function reasonOf(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  return text.replaceAll(/\s*\n\s*/g, ' ');
}
