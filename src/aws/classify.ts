import { FAILURE, type FailureType } from '../model/failures';

export interface Verdict {
  type: FailureType;
  retry: boolean;
}

const retry = (type: FailureType): Verdict => ({ type, retry: true });
const final = (type: FailureType): Verdict => ({ type, retry: false });

/**
 * What an AWS error name means; the first pattern that matches counts.
 * Names: https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html and
 * https://docs.aws.amazon.com/kms/latest/APIReference/CommonErrors.html
 */
const TABLE: readonly (readonly [RegExp, Verdict])[] = [
  [
    /^(RequestLimitExceeded|Throttling|ThrottlingException|ThrottledException|TooManyRequestsException|SlowDown|SnapshotCreationPerVolumeRateExceeded|.*RateExceeded)$/,
    retry(FAILURE.throttled),
  ],
  [
    /^(ConcurrentSnapshotLimitExceeded|PendingSnapshotLimitExceeded|ResourceLimitExceeded|ConcurrentCopyLimitExceeded|.*LimitExceeded|InsufficientInstanceCapacity|InsufficientVolumeCapacity|InsufficientCapacity)$/,
    retry(FAILURE.quotaExceeded),
  ],
  [
    /^(UnauthorizedOperation|AccessDenied|AccessDeniedException|AuthFailure|Client\.UnauthorizedOperation|OptInRequired|NotAuthorized|InvalidClientTokenId|UnrecognizedClientException|SignatureDoesNotMatch|ExpiredToken|ExpiredTokenException|CredentialsProviderError)$/,
    final(FAILURE.accessDenied),
  ],
  [
    /^(DisabledException|KMSInvalidStateException|InvalidKeyUsageException|InvalidKmsKey\..*|InvalidKMSKeyId.*|KMSKeyNotAccessibleFault|KmsKeyNotFound.*)$/,
    final(FAILURE.keyUnusable),
  ],
  [
    /^(.*\.NotFound|.*NotFound|NotFoundException|.*\.Unknown|NoSuchKey|NoSuchBucket|NoSuchEntity)$/,
    final(FAILURE.notFound),
  ],
  [
    /^(IncorrectState|IncorrectInstanceState|VolumeInUse|.*\.InUse|DependencyViolation|ConflictException|AlreadyExistsException|InvalidSnapshot\.InUse|Busy|VolumeModificationInProgress)$/,
    retry(FAILURE.conflict),
  ],
  [
    /^(Invalid.*|Malformed.*|Missing.*|Unsupported.*|UnknownParameter|ValidationError|ValidationException|IdempotentParameterMismatch|OperationNotPermitted|ParamValidationError)$/,
    final(FAILURE.invalidRequest),
  ],
];

/** Throttles, server faults and names nobody has heard of retry: AWS adds error names, and a stopped run helps nobody. */
export function classify(errorName: string): Verdict {
  return TABLE.find(([pattern]) => pattern.test(errorName))?.[1] ?? retry(FAILURE.serviceError);
}
