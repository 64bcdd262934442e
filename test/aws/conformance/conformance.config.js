/** The tests of test/aws/as-aws against sandbox accounts, one after the other: quotas are shared. */
const { projects } = require('../../../jest.config');

const aws = projects.find(({ displayName }) => displayName === 'aws');

module.exports = {
  ...aws,
  displayName: 'conformance',
  globalSetup: undefined,
  globalTeardown: '<rootDir>/test/aws/conformance/sweep.ts',
  setupFilesAfterEnv: ['<rootDir>/test/aws/conformance/patience.ts'],
  testMatch: ['<rootDir>/test/aws/as-aws/**/*.test.ts'],
};
