import { FAILURE, type FailureType } from '../model/failures';

export interface Verdict {
  type: FailureType;
  retry: boolean;
}

const retry = (type: FailureType): Verdict => ({ type, retry: true });
const final = (type: FailureType): Verdict => ({ type, retry: false });

/**
 * What an AWS error name means; the first pattern that matches counts.
 * Names: https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html,
 * https://docs.aws.amazon.com/kms/latest/APIReference/CommonErrors.html, of Systems Manager
 * https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_SendCommand.html and of load balancers
 * https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_RegisterTargets.html
 */
const TABLE: readonly (readonly [RegExp, Verdict])[] = [
  [
    /^(RequestLimitExceeded|Throttling|ThrottlingException|ThrottledException|TooManyRequestsException|RequestThrottledException|SlowDown|SnapshotCreationPerVolumeRateExceeded|.*RateExceeded)$/,
    retry(FAILURE.throttled),
  ],
  [
    /^(ConcurrentSnapshotLimitExceeded|PendingSnapshotLimitExceeded|ResourceLimitExceeded|ConcurrentCopyLimitExceeded|.*LimitExceeded(Exception)?|InsufficientInstanceCapacity|InsufficientVolumeCapacity|InsufficientCapacity|TooManyTargets(Exception)?|TooManyRegistrationsForTargetId(Exception)?)$/,
    retry(FAILURE.quotaExceeded),
  ],
  // A process that slept through its session's end signs with the old one; the next attempt has a new one.
  [/^(ExpiredToken|ExpiredTokenException|RequestExpired)$/, retry(FAILURE.accessDenied)],
  [
    /^(UnauthorizedOperation|AccessDenied|AccessDeniedException|AuthFailure|Client\.UnauthorizedOperation|OptInRequired|Blocked|NotAuthorized|InvalidClientTokenId|UnrecognizedClientException|SignatureDoesNotMatch|CredentialsProviderError)$/,
    final(FAILURE.accessDenied),
  ],
  [
    /^(DisabledException|KMSInvalidStateException|InvalidKeyUsageException|InvalidKmsKey\..*|InvalidKMSKeyId.*|KMSKeyNotAccessibleFault|KmsKeyNotFound.*)$/,
    final(FAILURE.keyUnusable),
  ],
  [
    /^(.*\.NotFound|.*NotFound|.*NotFoundException|AWSOrganizationsNotInUseException|InvocationDoesNotExist|.*\.Unknown|NoSuchKey|NoSuchBucket|NoSuchEntity)$/,
    final(FAILURE.notFound),
  ],
  [
    /^(IncorrectState|IncorrectInstanceState|VolumeInUse|.*\.InUse|DependencyViolation|ConflictException|AlreadyExistsException|InvalidSnapshot\.InUse|Busy|VolumeModificationInProgress|IncorrectModificationState)$/,
    retry(FAILURE.conflict),
  ],
  [
    /^(Invalid.*|Malformed.*|Missing.*|Unsupported.*|UnknownParameter|ValidationError|ValidationException|IdempotentParameterMismatch|OperationNotPermitted|ParamValidationError|DuplicateInstanceId|MaxDocumentSizeExceeded|VolumeTypeNotAvailableInZone|NonEBSInstance|EncryptedVolumesNotSupported|SnapshotCopyUnsupported.*)$/,
    final(FAILURE.invalidRequest),
  ],
];

/** Throttles, server faults and names nobody has heard of retry: AWS adds error names, and a stopped run helps nobody. */
export function classify(errorName: string): Verdict {
  return TABLE.find(([pattern]) => pattern.test(errorName))?.[1] ?? retry(FAILURE.serviceError);
}

/** True for throttles of the request rate itself, as against limits on snapshots a volume. */
export function asksForFewerCalls(errorName: string): boolean {
  return /^(RequestLimitExceeded|Throttling|ThrottlingException|ThrottledException|TooManyRequestsException|RequestThrottledException)$/.test(
    errorName,
  );
}
