import type { Listed } from '../list';
import { targetKey, type Target } from '../target';

/** What is not encrypted in a target, whether anybody asked about it or not. */
export interface Residue {
  volumes: Listed<string>;
  /** Original volumes that migrations keep until their `commit`: detached, and replaced by others that name them. */
  originals: Listed<string>;
  /** The account's own. */
  snapshots: Listed<string>;
  /** Snapshots that migrations under way have made on their way, and remove. */
  staged?: Listed<string>;
  /** The account's images that are made of such snapshots. */
  images: Listed<string>;
}

/** For a manager: what is left, or that nothing is. */
export function residueSentence(
  { volumes, originals, snapshots, staged, images }: Residue,
  target: Target,
): string {
  const kinds: [number, string][] = [
    [volumes.total, 'volume'],
    [originals.total, 'original kept until commit'],
    [snapshots.total, 'snapshot'],
    [staged?.total ?? 0, 'snapshot of a migration under way'],
    [images.total, 'image'],
  ];
  const left = kinds.flatMap(([total, what]) =>
    total > 0 ? `${total} ${total === 1 ? what : plural(what)}` : [],
  );
  return left.length === 0
    ? `nothing in ${targetKey(target)} is left unencrypted`
    : `still unencrypted in ${targetKey(target)}: ${left.join(', ')}`;
}

function plural(what: string): string {
  return what.replace(/^\w+/, (noun) => `${noun}s`);
}
