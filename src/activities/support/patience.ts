import { classify } from '../../aws/classify';
import { FAILURE } from '../../model/failures';

/** A state that forbids the call is the unit's own trouble; limits that pass are waited for, and a lost answer is looked after. */
export function patienceWith(
  error: unknown,
): 'give up' | 'no room' | 'no room on the volume' | 'later' | 'unsure' {
  if (!(error instanceof Error)) return 'give up';
  if (/^(SnapshotCreationPerVolumeRateExceeded|ConcurrentSnapshotLimitExceeded)$/.test(error.name))
    return 'no room on the volume';
  if (isThrottle(error)) return 'later';
  const { type, retry, bounded } = classify(error.name);
  if (type === FAILURE.throttled) return 'later';
  if (type === FAILURE.quotaExceeded && retry && !bounded) return 'no room';
  return retry && type !== FAILURE.conflict ? 'unsure' : 'give up';
}

/** Holdfast's own budget speaks as Temporal's failure, not as AWS's error. */
function isThrottle(error: Error): boolean {
  return 'type' in error && error.type === FAILURE.throttled;
}
