import { asksForFewerCalls, classify } from '../../../src/aws/classify';

type Row = readonly [errorName: string, type: string, verdict: object];

const RETRIES = { retry: true };
/** Tried again for some minutes, because nobody can tell whether it passes. */
const BOUNDED = { retry: true, bounded: true };
const FINAL = { retry: false };

const TABLE: readonly Row[] = [
  ['RequestLimitExceeded', 'Throttled', RETRIES],
  ['Throttling', 'Throttled', RETRIES],
  ['ThrottlingException', 'Throttled', RETRIES],
  ['RequestThrottledException', 'Throttled', RETRIES],
  ['ThrottledException', 'Throttled', RETRIES],
  ['TooManyRequestsException', 'Throttled', RETRIES],
  ['SlowDown', 'Throttled', RETRIES],
  ['SnapshotCreationPerVolumeRateExceeded', 'Throttled', RETRIES],

  ['ConcurrentSnapshotLimitExceeded', 'QuotaExceeded', RETRIES],
  ['PendingSnapshotLimitExceeded', 'QuotaExceeded', RETRIES],
  ['ResourceLimitExceeded', 'QuotaExceeded', RETRIES],
  ['SnapshotLimitExceeded', 'QuotaExceeded', FINAL],
  ['VolumeLimitExceeded', 'QuotaExceeded', FINAL],
  ['AttachmentLimitExceeded', 'QuotaExceeded', FINAL],
  ['LimitExceededException', 'QuotaExceeded', FINAL],
  ['InsufficientInstanceCapacity', 'QuotaExceeded', RETRIES],
  ['InsufficientVolumeCapacity', 'QuotaExceeded', RETRIES],

  ['UnauthorizedOperation', 'AccessDenied', FINAL],
  ['AccessDenied', 'AccessDenied', FINAL],
  ['AccessDeniedException', 'AccessDenied', FINAL],
  ['AuthFailure', 'AccessDenied', FINAL],
  ['OptInRequired', 'AccessDenied', FINAL],
  ['Blocked', 'AccessDenied', FINAL],
  ['InvalidClientTokenId', 'AccessDenied', FINAL],
  ['UnrecognizedClientException', 'AccessDenied', FINAL],
  ['SignatureDoesNotMatch', 'AccessDenied', FINAL],
  ['CredentialsProviderError', 'AccessDenied', FINAL],
  ['ExpiredToken', 'AccessDenied', RETRIES],
  ['ExpiredTokenException', 'AccessDenied', RETRIES],
  ['RequestExpired', 'AccessDenied', RETRIES],

  ['DisabledException', 'KeyUnusable', FINAL],
  ['KMSInvalidStateException', 'KeyUnusable', FINAL],
  ['InvalidKeyUsageException', 'KeyUnusable', FINAL],
  ['InvalidKmsKey.InvalidState', 'KeyUnusable', FINAL],
  ['InvalidKMSKeyId.Unauthorized', 'KeyUnusable', FINAL],

  ['InvalidInstanceID.NotFound', 'NotFound', FINAL],
  ['InvalidVolume.NotFound', 'NotFound', FINAL],
  ['InvalidSnapshot.NotFound', 'NotFound', FINAL],
  ['InvalidAMIID.NotFound', 'NotFound', FINAL],
  ['NotFoundException', 'NotFound', FINAL],
  ['NoSuchKey', 'NotFound', FINAL],
  ['NoSuchBucket', 'NotFound', FINAL],
  ['InvocationDoesNotExist', 'NotFound', FINAL],

  ['IncorrectState', 'Conflict', RETRIES],
  ['IncorrectInstanceState', 'Conflict', RETRIES],
  ['IncorrectModificationState', 'Conflict', RETRIES],
  ['TooManyTargetsException', 'QuotaExceeded', BOUNDED],
  ['TooManyRegistrationsForTargetIdException', 'QuotaExceeded', BOUNDED],
  ['TargetGroupNotFoundException', 'NotFound', FINAL],
  ['InvalidTargetException', 'InvalidRequest', FINAL],

  ['VolumeInUse', 'Conflict', RETRIES],
  ['InvalidSnapshot.InUse', 'Conflict', RETRIES],
  ['DependencyViolation', 'Conflict', RETRIES],
  ['ConflictException', 'Conflict', RETRIES],
  ['AlreadyExistsException', 'Conflict', RETRIES],

  ['InvalidParameterValue', 'InvalidRequest', FINAL],
  ['InvalidParameterCombination', 'InvalidRequest', FINAL],
  ['InvalidInstanceID.Malformed', 'InvalidRequest', FINAL],
  ['InvalidAMIName.Duplicate', 'InvalidRequest', FINAL],
  ['InvalidVolume.ZoneMismatch', 'InvalidRequest', FINAL],
  ['MissingParameter', 'InvalidRequest', FINAL],
  ['MalformedPolicyDocumentException', 'InvalidRequest', FINAL],
  ['UnknownParameter', 'InvalidRequest', FINAL],
  ['UnsupportedOperation', 'InvalidRequest', FINAL],
  ['UnsupportedOperationException', 'InvalidRequest', FINAL],
  ['OperationNotPermitted', 'InvalidRequest', FINAL],
  ['IdempotentParameterMismatch', 'InvalidRequest', FINAL],
  ['ValidationException', 'InvalidRequest', FINAL],
  ['VolumeTypeNotAvailableInZone', 'InvalidRequest', FINAL],
  ['InvalidInstanceId', 'InvalidRequest', FINAL],
  ['InvalidDocument', 'InvalidRequest', FINAL],
  ['InvalidParameters', 'InvalidRequest', FINAL],
  ['InvalidCommandId', 'InvalidRequest', FINAL],
  ['UnsupportedPlatformType', 'InvalidRequest', FINAL],
  ['DuplicateInstanceId', 'InvalidRequest', FINAL],
  ['MaxDocumentSizeExceeded', 'InvalidRequest', FINAL],
  ['NonEBSInstance', 'InvalidRequest', FINAL],
  ['SnapshotCopyUnsupported.InterRegion', 'InvalidRequest', FINAL],

  ['InternalError', 'ServiceError', RETRIES],
  ['InternalServerError', 'ServiceError', RETRIES],
  ['InternalFailure', 'ServiceError', RETRIES],
  ['Unavailable', 'ServiceError', RETRIES],
  ['ServiceUnavailable', 'ServiceError', RETRIES],
  ['KMSInternalException', 'ServiceError', RETRIES],
  ['DependencyTimeoutException', 'ServiceError', RETRIES],
  ['KeyUnavailableException', 'ServiceError', RETRIES],
  ['TimeoutError', 'ServiceError', RETRIES],
  ['InternalServerException', 'ServiceError', RETRIES],
  ['InternalServiceException', 'ServiceError', RETRIES],
  ['ServerInternal', 'ServiceError', RETRIES],
  ['ServiceUnavailableException', 'ServiceError', RETRIES],
  ['ServiceException', 'ServiceError', RETRIES],
  ['RequestTimeout', 'ServiceError', RETRIES],
  ['RetryableError', 'ServiceError', RETRIES],
  ['HealthUnavailableException', 'ServiceError', RETRIES],

  ['AccountDisabled', 'AccessDenied', FINAL],
  ['PendingVerification', 'AccessDenied', FINAL],
  ['RegionDisabledException', 'AccessDenied', FINAL],
  ['CustomerKeyHasBeenRevoked', 'KeyUnusable', FINAL],
  ['KMS.DisabledException', 'KeyUnusable', FINAL],
  ['NoSuchResourceException', 'NotFound', FINAL],
  ['NoSuchEntityException', 'NotFound', FINAL],
  ['ConcurrentTagAccess', 'Conflict', RETRIES],
  ['IdempotentInstanceTerminated', 'InvalidRequest', FINAL],
  ['TagPolicyViolation', 'InvalidRequest', FINAL],

  ['SomethingThatAwsWillInventNextYear', 'ServiceError', BOUNDED],
  ['SomethingLimitExceeded', 'QuotaExceeded', BOUNDED],
  ['SomethingQuotaExceededException', 'QuotaExceeded', BOUNDED],
  ['InsufficientSomethingCapacity', 'QuotaExceeded', BOUNDED],
  ['TooManySomethings', 'QuotaExceeded', BOUNDED],
  ['', 'ServiceError', BOUNDED],
];

describe('classify', () => {
  it.each(TABLE)('%s is %s: %j', (errorName, type, verdict) => {
    expect(classify(errorName)).toEqual({ type, ...verdict });
  });
});

describe('asksForFewerCalls', () => {
  it.each([
    ['RequestLimitExceeded', true],
    ['ThrottlingException', true],
    ['SnapshotCreationPerVolumeRateExceeded', false],
    ['ResourceLimitExceeded', false],
    ['InternalError', false],
  ])('%s: %s', (errorName, expected) => {
    expect(asksForFewerCalls(errorName)).toBe(expected);
  });
});
