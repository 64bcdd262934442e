/** What a describe opens for all of its tests. */
interface Opened {
  close(): Promise<void>;
  /** Before each test, so that it sees nothing of those before. */
  reset?(): void | Promise<void>;
}

/**
 * Opens something before the first test of a describe, and closes it after the last.
 *
 * @returns what gives it to the tests
 */
export function throughout<Thing extends Opened>(open: () => Promise<Thing>): () => Thing {
  let thing: Thing | undefined;
  beforeAll(async () => {
    thing = await open();
  });
  // Where it could not be opened, that is what the tests shall say.
  afterAll(() => thing?.close());
  beforeEach(() => thing?.reset?.());
  return () => {
    if (!thing) throw new Error('it is opened before the tests, and not while they are collected');
    return thing;
  };
}
