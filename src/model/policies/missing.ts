import { targetKey, type Target } from '../target';

const NAMED = 3;

/** Ids that a policy names, and none of its targets has: each target alone has those of the others missing. */
export function missingEverywhere(found: readonly { missing?: readonly string[] }[]): string[] {
  const [first, ...others] = found.map(({ missing = [] }) => new Set(missing));
  return [...(first ?? [])].filter((id) => others.every((missing) => missing.has(id)));
}

/** For whoever named it: it goes without a backup. */
export function notThere(id: string, targets: readonly Target[]): string {
  const more = targets.length - NAMED;
  const where = targets.slice(0, NAMED).map(targetKey).join(', ') + (more > 0 ? ` and ${more} more` : '');
  const then = id.startsWith('vol-')
    ? 'name the volume that has replaced it (volumeIdMap of encryptVolumes), or take it out of the policy'
    : 'name the instance that has replaced it, or take it out of the policy';
  return `${id} is named by its id, and is not in ${where}; ${then}`;
}
