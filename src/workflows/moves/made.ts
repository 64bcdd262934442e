import { ApplicationFailure } from '@temporalio/workflow';
import { FAILURE } from '../../model/failures';

/** New volume by the original that it replaces. */
export type Replacements = Record<string, string>;

/**
 * What was made of an original.
 *
 * @throws ApplicationFailure ResourceFailed where nothing was: no call is made about a thing without its id
 */
export function madeOf(made: Readonly<Record<string, string>>, original: string): string {
  const id = made[original];
  if (id) return id;
  throw ApplicationFailure.nonRetryable(`nothing was made of ${original}`, FAILURE.resourceFailed);
}

/**
 * What a move has made, by the ids that EC2 answered with. Only that is ever detached or deleted as its own: tags find
 * things, and anybody can copy them.
 */
export class Made {
  /** New volume by the original that it replaces. */
  readonly volumes: Replacements = {};
  private readonly snapshotIds = new Set<string>();
  /** Originals whose new volume may exist although no answer told of it. */
  private readonly openVolumes = new Set<string>();
  private openSnapshots = 0;
  /** How often each thing that broke was made, by what it is. */
  private readonly tries = new Map<string, number>();

  /**
   * Of a run that was terminated: what is proven, and originals that name no new volume, though one may be there.
   *
   * @param staged snapshots that it had named before it began to delete them
   */
  static before(replacements: Replacements, unnamed: readonly string[], staged?: readonly string[]): Made {
    const made = new Made();
    Object.assign(made.volumes, replacements);
    for (const original of unnamed) if (!replacements[original]) made.openVolumes.add(original);
    // What it had named it had begun to delete: nothing else is looked for.
    if (staged) made.addFoundSnapshots(staged);
    else made.openSnapshots = 1;
    return made;
  }

  get snapshots(): string[] {
    return [...this.snapshotIds];
  }

  /** Originals whose new volume is not known and may be there. */
  get unansweredVolumes(): string[] {
    return [...this.openVolumes];
  }

  get unansweredSnapshots(): boolean {
    return this.openSnapshots > 0;
  }

  /** A call that makes the volume which replaces this original. */
  async recordVolume(original: string, call: () => Promise<string>): Promise<string> {
    this.openVolumes.add(original);
    const volumeId = await call();
    this.openVolumes.delete(original);
    return (this.volumes[original] = volumeId);
  }

  /** A call that makes snapshots. */
  async recordStaged<Answer>(
    call: () => Promise<Answer>,
    idsOf: (answer: Answer) => string[],
  ): Promise<Answer> {
    this.openSnapshots += 1;
    const answer = await call();
    this.openSnapshots -= 1;
    for (const id of idsOf(answer)) this.snapshotIds.add(id);
    return answer;
  }

  /** What could be proven of what no answer told; the rest is not this move's to touch. */
  addFoundVolumes(own: Replacements): void {
    Object.assign(this.volumes, own);
    this.openVolumes.clear();
  }

  addFoundSnapshots(own: readonly string[]): void {
    for (const id of own) this.snapshotIds.add(id);
    this.openSnapshots = 0;
  }

  /** What is made again has another number, so that the broken one is not found in its place. */
  nextTry(what: string): number {
    return (this.tries.get(what) ?? 0) + 1;
  }

  recordTry(what: string, number: number): void {
    this.tries.set(what, number);
  }
}
