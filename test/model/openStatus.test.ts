import { isOpenStatus } from '../../src/model/openStatus';

it.each([
  ['RUNNING', true],
  ['PAUSED', true],
  ['UNKNOWN', true],
  ['COMPLETED', false],
  ['FAILED', false],
  ['CANCELLED', false],
  ['TERMINATED', false],
  ['TIMED_OUT', false],
  ['CONTINUED_AS_NEW', false],
])('a workflow that is %s is open: %s', (status, isOpen) => {
  expect(isOpenStatus(status)).toBe(isOpen);
});
