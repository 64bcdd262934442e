import { mayBeAnswered } from '../../../src/activities/support/dryRuns';

const failed = (name: string, httpStatusCode?: number) =>
  Object.assign(new Error(name), { name, $metadata: { httpStatusCode } });

describe('an error of a dry run', () => {
  it.each([
    ['RequestLimitExceeded', 503],
    ['ThrottlingException', 400],
    ['InternalError', 500],
    ['ExpiredToken', 400],
    ['TimeoutError', undefined],
  ])('is asked about again where it may pass: %s', (name, status) => {
    expect(mayBeAnswered(failed(name, status))).toBe(true);
  });

  it.each([
    ['UnauthorizedOperation', 403],
    ['AccessDeniedException', 400],
    ['DisabledException', 400],
    ['IncorrectState', 400],
    ['AttachmentLimitExceeded', 400],
    ['ANameOfTomorrow', 400],
  ])('is an answer otherwise: %s', (name, status) => {
    expect(mayBeAnswered(failed(name, status))).toBe(false);
  });
});
