import { FAILURE, type FailureType } from '../model/failures';
import { limitOf, soundsLikeLimit } from './limits';

export interface Classification {
  type: FailureType;
  retry: boolean;
  /** Nobody knows whether it passes: `retry` holds for some attempts (src/aws/unsure.ts), and then it is final. */
  bounded?: true;
}

const retry = (type: FailureType): Classification => ({ type, retry: true });
const bounded = (type: FailureType): Classification => ({ type, retry: true, bounded: true });
const final = (type: FailureType): Classification => ({ type, retry: false });

/**
 * What an AWS error name means; the first pattern that matches counts. Limits have a table of their own, src/aws/limits.ts.
 * Names: https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html,
 * https://docs.aws.amazon.com/kms/latest/APIReference/CommonErrors.html, of Systems Manager
 * https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_SendCommand.html, of load balancers
 * https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_RegisterTargets.html, of S3
 * https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html, of Service Quotas
 * https://docs.aws.amazon.com/servicequotas/2019-06-24/apireference/API_ListServiceQuotas.html and of STS
 * https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html
 */
const TABLE: readonly (readonly [RegExp, Classification])[] = [
  [
    /^(RequestLimitExceeded|Throttling|ThrottlingException|ThrottledException|TooManyRequestsException|RequestThrottledException|SlowDown|SnapshotCreationPerVolumeRateExceeded|.*RateExceeded)$/,
    retry(FAILURE.throttled),
  ],
  // A process that slept through its session's end signs with the old one; the next attempt has a new one.
  [/^(ExpiredToken|ExpiredTokenException|RequestExpired)$/, retry(FAILURE.accessDenied)],
  // Faults of AWS and of the network: it comes back, however long that takes.
  [
    /^(Internal(Error|Failure|ServerError|ServerException|ServiceError|ServiceException)|ServerInternal|(Service)?Unavailable(Exception)?|Service(Failure|Exception|FailureException)|KMSInternalException|DependencyTimeoutException|KeyUnavailableException|RetryableError|HealthUnavailable(Exception)?|TimeoutError|RequestTimeout(Exception)?|NetworkingError)$/,
    retry(FAILURE.serviceError),
  ],
  [
    /^(UnauthorizedOperation|AccessDenied|AccessDeniedException|DependencyAccessDeniedException|AuthFailure|Client\.UnauthorizedOperation|OptInRequired|Blocked|AccountDisabled|PendingVerification|RegionDisabled(Exception)?|NotAuthorized|InvalidClientTokenId|UnrecognizedClientException|SignatureDoesNotMatch|IncompleteSignature|CredentialsProviderError)$/,
    final(FAILURE.accessDenied),
  ],
  [
    /^(DisabledException|KMSInvalidStateException|InvalidKeyUsageException|InvalidKmsKey\..*|InvalidKMSKeyId.*|KMSKeyNotAccessibleFault|KmsKeyNotFound.*|CustomerKeyHasBeenRevoked|KMS\..*Exception)$/,
    final(FAILURE.keyUnusable),
  ],
  [
    /^(.*\.NotFound|.*NotFound|.*NotFoundException|AWSOrganizationsNotInUseException|InvocationDoesNotExist|.*\.Unknown|NoSuch(Key|Bucket|Entity|EntityException|ResourceException))$/,
    final(FAILURE.notFound),
  ],
  [
    /^(IncorrectState|IncorrectStateException|IncorrectInstanceState|VolumeInUse|.*\.InUse|ResourceInUse(Exception)?|DependencyViolation|ConflictException|ConcurrentModificationException|ConcurrentTagAccess|OperationAborted|AlreadyExistsException|InvalidSnapshot\.InUse|Busy|BundlingInProgress|CreditSpecificationUpdateInProgress|VolumeModificationInProgress|IncorrectModificationState)$/,
    retry(FAILURE.conflict),
  ],
  [
    /^(Invalid.*|Malformed.*|Missing.*|Unsupported.*|Unknown(Parameter|VolumeType|PrincipalType\.Unsupported)|ValidationError|ValidationException|IllegalArgumentException|Idempotent(ParameterMismatch|InstanceTerminated)|OperationNotPermitted(Exception)?|ParamValidationError|DuplicateInstanceId|MaxDocumentSizeExceeded|VolumeTypeNotAvailableInZone|BootForVolumeTypeUnsupported|NonEBSInstance|EncryptedVolumesNotSupported|SnapshotCopyUnsupported.*|TagPolicyViolation|TagException|ZonesMismatched|DiskImageSizeTooLarge)$/,
    final(FAILURE.invalidRequest),
  ],
];

/**
 * Throttles and faults of AWS retry. So do names that nobody has heard of, because AWS adds some; but a stopped run that is
 * told helps more than one that never ends, so those are bounded.
 *
 * @param action of the call that was refused: the same name may mean either of another one
 */
export function classify(errorName: string, action?: string): Classification {
  const limit = limitOf(errorName, action);
  if (limit?.passes === 'perhaps') return bounded(FAILURE.quotaExceeded);
  if (limit) return limit.passes ? retry(FAILURE.quotaExceeded) : final(FAILURE.quotaExceeded);
  const known = TABLE.find(([pattern]) => pattern.test(errorName))?.[1];
  return known ?? bounded(soundsLikeLimit(errorName) ? FAILURE.quotaExceeded : FAILURE.serviceError);
}

/** True for throttles of the request rate itself, as against limits on snapshots a volume. */
export function asksForFewerCalls(errorName: string): boolean {
  return /^(RequestLimitExceeded|Throttling|ThrottlingException|ThrottledException|TooManyRequestsException|RequestThrottledException)$/.test(
    errorName,
  );
}
