import type { NormalizedPolicy } from './policy';
import { formatRetention, type RetentionTerms } from '../points/retentionTerms';

/** What a change of a policy does not change: points keep the terms that they were made with. */
export function keptTerms(before: NormalizedPolicy | undefined, after: NormalizedPolicy): string[] {
  if (!before) return [];
  return [
    ...keeping('retention', before, after),
    ...(after.copies ?? []).flatMap((copy) => {
      const place = `${copy.toAccount ?? ''}/${copy.toRegion}`;
      const was = (before.copies ?? []).find((each) => `${each.toAccount ?? ''}/${each.toRegion}` === place);
      return was ? keeping(`copies to ${copy.toRegion}`, was, copy) : [];
    }),
  ];
}

interface Kept {
  retention: RetentionTerms;
  minKeep?: number;
}

function keeping(what: string, from: Kept, to: Kept): string[] {
  const terms = ({ retention, minKeep }: Kept) => JSON.stringify([formatRetention(retention), minKeep]);
  if (terms(from) === terms(to)) return [];
  const text = ({ retention, minKeep }: Kept) =>
    `${formatRetention(retention)}${minKeep === undefined ? '' : `, minKeep ${minKeep}`}`;
  return [
    `${what}: points that are there keep the terms that they were made with (${text(from)}); the new ones (${text(to)}) are those of points from the next run on`,
  ];
}
