/** One line of the summary: what should be so, and whether the local AWS says that it is. */
export interface Check {
  text: string;
  held: boolean;
  /** What was found; above all where it should not be so. */
  found: string;
}

export function check(text: string, held: boolean, found: string): Check {
  return { text, held, found };
}

export function checkLine({ text, held, found }: Check): string {
  return `  ${held ? '✓' : '✗'} ${text}${found && `: ${found}`}`;
}

/** A check that could not be made is one that does not hold. */
export async function attempt(text: string, measure: () => Promise<Check[]>): Promise<Check[]> {
  try {
    return await measure();
  } catch (error) {
    return [check(text, false, error instanceof Error ? error.message : String(error))];
  }
}
