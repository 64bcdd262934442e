/** `npm run test:sweep`: every fault at every call of every path of a migration; hours. */
const { projects } = require('../../jest.config');

process.env.HOLDFAST_SWEEP = 'all';

module.exports = projects.find(({ displayName }) => displayName === 'faults');
