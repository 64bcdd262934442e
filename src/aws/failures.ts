import { ApplicationFailure, CancelledFailure } from '@temporalio/common';
import { CompleteAsyncError } from '@temporalio/activity';
import { FAILURE } from '../model/failures';
import { changedFailure, passingFailure } from './applicationFailures';
import { classify, type Classification } from './classify';
import { limitOf } from './limits';
import { FIRST_PAUSE_MS, hasGotSomewhere } from './liveness';
import { tellOfWaiting, UnsureFailures } from './unsure';

/** Where a failed call was made; `src/aws/sessions.ts` notes it on every error that a client throws. */
export interface CallSite {
  service: string;
  action: string;
  accountId: string;
  region: string;
  /** Role or caller the call was made as. */
  as: string;
  /** What the call was about: `vol-1, vol-2 and 8 more`. */
  resources?: string;
}

const CALL_SITES = new WeakMap<Error, CallSite>();

export function noteCallSite(error: Error, site: CallSite): void {
  if (!CALL_SITES.has(error)) CALL_SITES.set(error, site);
}

/** As IAM names it: `ec2:DescribeTags`; undefined of what no client of ours threw. */
export function calledAction(error: Error): string | undefined {
  const site = CALL_SITES.get(error);
  return site && `${site.service}:${site.action}`;
}

export function isNotFound(error: unknown): boolean {
  return error instanceof Error && classify(error.name).type === FAILURE.notFound;
}

/** An AWS error as the failure that workflows and people see: what was refused, where, as whom, and what to do. */
export function toFailure(error: unknown): Error {
  if (
    error instanceof ApplicationFailure ||
    error instanceof CancelledFailure ||
    error instanceof CompleteAsyncError
  ) {
    return error;
  }
  if (isAbort(error)) return new CancelledFailure('the call was abandoned');
  if (!(error instanceof Error)) return passingFailure(FAILURE.serviceError, String(error));
  const site = CALL_SITES.get(error);
  if (!site) {
    // Not from AWS: a defect or the environment. Retrying keeps the run alive until a fixed worker takes over.
    return ApplicationFailure.create({ message: error.message, type: error.name, cause: error });
  }
  const { type, retry } = verdictOf(error, site);
  return ApplicationFailure.create({
    message: describe(error, site, type),
    type,
    nonRetryable: !retry,
    details: [{ ...site, awsError: error.name }],
    cause: error,
  });
}

/** Of a name that nobody knows, a fault of AWS or of the network is told by the status: AWS comes back, however long that takes. */
function verdictOf(error: Error, { action }: CallSite): Classification {
  const verdict = classify(error.name, action);
  if (!verdict.bounded || limitOf(error.name, action)) return verdict;
  const { httpStatusCode = 500 } = (error as { $metadata?: { httpStatusCode?: number } }).$metadata ?? {};
  const isFault = httpStatusCode >= 500 && !NEVER_SENT.test(error.name);
  return isFault ? { type: verdict.type, retry: true } : verdict;
}

/** What a client cannot even send has no status either, as a broken connection. */
const NEVER_SENT = /^(TypeError|EndpointError)$/;

/** Whether it was thrown by a client, and nobody can tell if it passes. */
export function isUnsure(error: unknown): boolean {
  const site = error instanceof Error ? CALL_SITES.get(error) : undefined;
  return site !== undefined && verdictOf(error as Error, site).bounded === true;
}

/** A throttle, or a fault of AWS or of the network, as a client threw it: the same call may succeed in a moment. */
export function isPassingFault(error: unknown): boolean {
  const site = error instanceof Error ? CALL_SITES.get(error) : undefined;
  if (!site || isAbort(error)) return false;
  const { type, retry, bounded } = verdictOf(error as Error, site);
  return retry && !bounded && (type === FAILURE.throttled || type === FAILURE.serviceError);
}

/** By name: the AWS SDK, Node and DOM each have a class of their own for it. */
function isAbort(error: unknown): boolean {
  return typeof error === 'object' && error !== null && 'name' in error && error.name === 'AbortError';
}

function describe(error: Error, site: CallSite, type: string): string {
  const { service, action, accountId, region, as, resources } = site;
  const base = `${service}:${action} in ${accountId}/${region}: ${error.name}: ${shortened(error.message)}`;
  // Some services do not say what they did not find.
  if (type === FAILURE.notFound && resources && !error.message.includes(resources))
    return `${base} (${resources})`;
  if (type === FAILURE.quotaExceeded) return `${base}${limitIn(error.name, action)}`;
  if (type !== FAILURE.accessDenied) return base;
  const on = resources ? ` on ${resources}` : '';
  return `${base}. It was called${on} as ${as}; ${fixFor(site, error.name)}, then run this again`;
}

/** What is full, and what ends that. */
function limitIn(errorName: string, action: string): string {
  const limit = limitOf(errorName, action);
  if (!limit) return '';
  const { passes, what, so } = limit;
  if (passes === true)
    return `. What is full: ${what}; that passes, for ${so}, and it is tried again meanwhile`;
  if (passes === 'perhaps') return `. What is full: ${what}; where that lasts, ${so}`;
  return `. What is full: ${what}; time does not change that: ${so}, then run this again`;
}

function fixFor({ service, action, resources, accountId }: CallSite, errorName: string): string {
  if (
    /^(CredentialsProviderError|InvalidClientTokenId|UnrecognizedClientException|SignatureDoesNotMatch)$/.test(
      errorName,
    )
  ) {
    return 'give the worker valid AWS credentials';
  }
  if (errorName === 'OptInRequired') return `enable the region for account ${accountId}`;
  if (service === 'sts' && action === 'AssumeRole') {
    return `allow the worker's credentials sts:AssumeRole on ${resources ?? 'the role'}, in its trust policy too, and check externalId in the accounts file`;
  }
  return `allow ${service}:${action} there (and in the key policy, if a KMS key is named)`;
}

/** EC2 adds a kilobyte that only `aws sts decode-authorization-message` can read; the details keep it. */
function shortened(message: string): string {
  return message.replace(
    /Encoded authorization failure message: \S+/,
    'The encoded authorization message is in the failure’s cause.',
  );
}

/** The pauses between attempts grow however much each of them has done: after one that got somewhere they begin anew. */
function soonAgain(failure: ApplicationFailure): ApplicationFailure {
  if (failure.nonRetryable || failure.nextRetryDelay || !hasGotSomewhere()) return failure;
  return changedFailure(failure, { nextRetryDelay: FIRST_PAUSE_MS });
}

type AnyActivity = (input: never) => Promise<unknown>;

/** Wraps every activity so that what it throws reaches the workflow as a classified failure. */
export function withFailures<T extends Record<string, AnyActivity>>(activities: T): T {
  const unsure = new UnsureFailures();
  const thrown = (error: unknown): Error => {
    const failure = toFailure(error);
    if (!(failure instanceof ApplicationFailure)) return failure;
    const judged = isUnsure(error) ? unsure.judged(failure) : failure;
    tellOfWaiting(judged);
    return soonAgain(judged);
  };
  const wrapped = Object.entries(activities).map(([name, activity]) => [
    name,
    async (input: never) => {
      try {
        const result = await activity(input);
        unsure.forget();
        return result;
      } catch (error) {
        if (!isUnsure(error)) unsure.forget();
        throw thrown(error);
      }
    },
  ]);
  return Object.fromEntries(wrapped) as T;
}
