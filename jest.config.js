/**
 * Projects by what they need: `model` and `pure` need nothing; the others share one local AWS and one workflow bundle
 * (test/support/globalSetup.ts), and each test file brings up its own Temporal server.
 */
const transform = {
  '^.+\\.ts$': [
    '@swc/jest',
    {
      swcrc: false,
      jsc: { target: 'es2022', parser: { syntax: 'typescript' } },
      module: { type: 'commonjs' },
      sourceMaps: 'inline',
    },
  ],
};

const project = (name, more = {}) => ({
  displayName: name,
  rootDir: __dirname,
  testEnvironment: 'node',
  testMatch: [`<rootDir>/test/${name}/**/*.test.ts`],
  modulePathIgnorePatterns: ['<rootDir>/dist/', '<rootDir>/.holdfast/'],
  transform,
  ...more,
});

const onServers = {
  globalSetup: '<rootDir>/test/support/globalSetup.ts',
  globalTeardown: '<rootDir>/test/support/globalTeardown.ts',
  setupFilesAfterEnv: ['<rootDir>/test/support/limits.ts'],
};

module.exports = {
  // Two cores are busy with three: suites wait about as much as they compute.
  maxWorkers: 3,
  testSequencer: '<rootDir>/test/support/slowFirst.js',
  projects: [
    project('model'),
    project('pure'),
    ...['activities', 'adapters', 'workflows', 'replay', 'faults', 'e2e', 'aws', 'local'].map((name) =>
      project(name, onServers),
    ),
  ],
};
