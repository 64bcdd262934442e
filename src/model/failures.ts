/**
 * Types of the ApplicationFailures that Holdfast raises. Public: alerts and callers match on them.
 * Whether a type retries is decided where it is raised (see src/aws/classify.ts), not here.
 */
export const FAILURE = {
  /** The input breaks the contract; nothing was called. The message names each field and the fix. */
  invalidInput: 'InvalidInput',
  /** Some of what was asked for did not happen; the details are the result. */
  partialFailure: 'PartialFailure',
  /** Nothing of what was asked for happened; the details are the result. */
  allFailed: 'AllFailed',
  /** Someone answered `reject`. */
  rejected: 'Rejected',
  /** No entry of the accounts file allows this account and region. */
  targetNotAllowed: 'TargetNotAllowed',
  /** IAM or KMS refused; the message names role, action, resource and fix. */
  accessDenied: 'AccessDenied',
  /** AWS asked for fewer calls. */
  throttled: 'Throttled',
  /** A limit of AWS is full; the message says which, whether that passes, and what to do (src/aws/limits.ts). */
  quotaExceeded: 'QuotaExceeded',
  /** Several things carry the marks of one, so that none can be told to be Holdfast's; none was touched, all are named. */
  ambiguousOwner: 'AmbiguousOwner',
  /** The resource does not exist. */
  notFound: 'NotFound',
  /** The resource was made a moment ago and reads do not show it yet. */
  notYetVisible: 'NotYetVisible',
  /** The resource is in a state that forbids the call, and may leave it. */
  conflict: 'Conflict',
  /** AWS refused the parameters; the same call will be refused again. */
  invalidRequest: 'InvalidRequest',
  /** The KMS key is disabled, pending deletion, asymmetric, in another region or not usable by this role. */
  keyUnusable: 'KeyUnusable',
  /** A command before or after a snapshot set, or a migration's stop, failed; the message says whether the guest may still be at rest. */
  hookFailed: 'HookFailed',
  /** A snapshot, copy, image or volume ended in `error`, with AWS's StateMessage, or is not there any more; the message says what to do. */
  resourceFailed: 'ResourceFailed',
  /** The machine must not be touched; the message holds every reason. */
  notMigratable: 'NotMigratable',
  /** Sharing this would break, or be refused by AWS; the message says why and what to do. */
  notShareable: 'NotShareable',
  /** The machine was down longer than `maxDowntime` allows. */
  downtimeExceeded: 'DowntimeExceeded',
  /** The machine still drained from a target group when `drain`'s timeout was over. */
  drainFailed: 'DrainFailed',
  /** The maintenance window was about to close when the machine could have been stopped. */
  windowClosed: 'WindowClosed',
  /** The machine did not pass its checks after the start. */
  healthCheckFailed: 'HealthCheckFailed',
  /** Changes were undone after a failure; the cause is that failure. */
  rolledBack: 'RolledBack',
  /** A recovery point was completed too late: the one before it was older than the policy's RPO allows. */
  rpoExceeded: 'RpoExceeded',
  /** It was not over when its run had to end, or an activity of it at its own timeout. */
  timeout: 'Timeout',
  /** The selector matches no instance and no volume. */
  nothingSelected: 'NothingSelected',
  /** No such backup policy. */
  policyNotFound: 'PolicyNotFound',
  /** AWS or the network failed without saying that it is our fault. */
  serviceError: 'ServiceError',
} as const;

export type FailureType = (typeof FAILURE)[keyof typeof FAILURE];
