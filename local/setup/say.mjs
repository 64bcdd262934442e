/** What the set-up tells: one line a step, and one clear line when it cannot go on. */
export class CannotGoOn extends Error {}

export function say(text) {
  process.stdout.write(`${text}\n`);
}

/** Runs `main`; a failure that we understand is one line, any other keeps its stack. */
export async function runMain(main) {
  try {
    await main();
  } catch (error) {
    process.stderr.write(`${error instanceof CannotGoOn ? error.message : (error?.stack ?? error)}\n`);
    process.exit(1);
  }
}
