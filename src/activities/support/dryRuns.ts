import { classify } from '../../aws/classify';
import { FAILURE } from '../../model/failures';

/**
 * Whether a question may be answered when it is asked again: a throttle, a fault of AWS, a connection that broke or a
 * session that ended. Any other error is an answer, also one of a name nobody has heard of.
 */
export function mayBeAnswered(error: Error): boolean {
  const { type, retry } = classify(error.name);
  if (type === FAILURE.throttled || (type === FAILURE.accessDenied && retry)) return true;
  const { httpStatusCode } = (error as { $metadata?: { httpStatusCode?: number } }).$metadata ?? {};
  return httpStatusCode === undefined || httpStatusCode >= 500;
}
