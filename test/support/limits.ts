/** Enough for a slow machine that starts a server before the first test; a single test seldom takes two seconds. */
jest.setTimeout(120_000);
