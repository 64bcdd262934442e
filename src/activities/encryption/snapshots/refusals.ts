import { isUnsure } from '../../../aws/failures';

/** Tries after which a refusal that nobody can judge is one snapshot's own; the others of its page go on. */
const PATIENT_TRIES = 6;

/** Refusals of which nobody can tell whether they pass, by what was refused. */
export class Refusals {
  private readonly counts = new Map<string, number>();

  get some(): boolean {
    return this.counts.size > 0;
  }

  /** @returns whether it is tried again */
  isPatientWith(item: string, error: Error): boolean {
    if (!isUnsure(error)) return false;
    const count = (this.counts.get(item) ?? 0) + 1;
    this.counts.set(item, count);
    return count < PATIENT_TRIES;
  }

  forget(item: string): void {
    this.counts.delete(item);
  }
}
