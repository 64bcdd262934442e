import { rest } from './waits';

/** Work that goes on beside an activity's own loop, so many at a time; it sees to its own failures. */
export class Asides {
  private readonly running = new Set<Promise<void>>();
  private readonly queue: (() => Promise<void>)[] = [];

  constructor(private readonly atOnce: number) {}

  get hasRoom(): boolean {
    return this.running.size + this.queue.length < this.atOnce;
  }

  get isBusy(): boolean {
    return this.running.size > 0;
  }

  start(work: () => Promise<void>): void {
    this.queue.push(work);
    this.next();
  }

  /** Until all is over; `beat` tells the server that this process is there. */
  async drain(beat: () => void, everyMs: number): Promise<void> {
    while (this.isBusy) {
      beat();
      await Promise.race([Promise.all(this.running), rest(everyMs)]);
    }
  }

  private next(): void {
    while (this.running.size < this.atOnce) {
      const work = this.queue.shift();
      if (!work) return;
      const one: Promise<void> = work().finally(() => {
        this.running.delete(one);
        this.next();
      });
      this.running.add(one);
    }
  }
}
