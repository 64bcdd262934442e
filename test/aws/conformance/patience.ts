/** Real instances and snapshots take minutes. */
jest.setTimeout(15 * 60_000);
