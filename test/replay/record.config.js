/** `npm run record`: plays the scenarios and writes their histories, for a change that may not replay the old ones. */
const { projects } = require('../../jest.config');

const replay = projects.find(({ displayName }) => displayName === 'replay');

module.exports = {
  ...replay,
  displayName: 'record',
  testMatch: ['<rootDir>/test/replay/record.ts'],
};
