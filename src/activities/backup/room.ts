import { log } from '@temporalio/activity';
import { paginateDescribeSnapshots, type EC2Client } from '@aws-sdk/client-ec2';
import { formatDuration } from '../../model/duration';
import type { FailedItem } from '../../model/outcome';
import { failedItem } from '../support/failedItem';
import { resourceOf, type Item } from './items';
import { now } from '../support/pace/waits';

/** Snapshots that are named; the others are counted. */
const NAMED = 3;
const PENDING_LIMIT = /^(ConcurrentSnapshot|PendingSnapshot)LimitExceeded$/;

/**
 * What units wait for whose snapshots EC2 does not take now: told while they wait, and a failure once the points before violate the RPO,
 * for what passes need not pass in time.
 */
export class Room {
  /** When EC2 first refused a unit that it has not taken since, by recovery point; with what it said last. */
  private readonly waiting = new Map<string, { since: number; why: string }>();
  /** Snapshots in error, once somebody has looked. */
  private inError: string[] | undefined;
  private isFull = false;

  /** @param leastMs that a unit waits, however late it is: what is under way ends in minutes */
  constructor(
    private readonly ec2: EC2Client,
    private readonly dueMs: number,
    private readonly leastMs: number,
  ) {}

  /** @returns the failure, where it has waited for long enough */
  noteRefusal(item: Item, error: unknown): FailedItem | undefined {
    const id = item.now.recoveryPointId;
    const { since } = this.waiting.get(id) ?? { since: now() };
    const failure = failedItem(resourceOf(item), error);
    if (!this.waiting.has(id))
      log.warn('waits until EC2 takes more', { item: failure.item, why: failure.message });
    this.waiting.set(id, { since, why: failure.message });
    this.isFull ||= error instanceof Error && PENDING_LIMIT.test(error.name);
    const waitedMs = now() - since;
    if (now() < this.dueMs || waitedMs < this.leastMs) return undefined;
    this.waiting.delete(id);
    const message = `${id} was not made: ${this.withErrors(failure.message)}. It was refused for ${formatDuration(waitedMs)}, and the points before violate the RPO by now: it is given up, and the next slot tries again`;
    return { ...failure, message };
  }

  /** It waits for nothing any more. */
  forget({ now: { recoveryPointId } }: Item): void {
    this.waiting.delete(recoveryPointId);
  }

  /** For whoever looks at the run; undefined where nothing waits. */
  get waitingFor(): string | undefined {
    const [first] = this.waiting.values();
    return (
      first &&
      `${this.waiting.size} resources, since ${new Date(first.since).toISOString()}: ${this.withErrors(first.why)}`
    );
  }

  /**
   * Snapshots in error count as pending until somebody deletes them
   * (https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html: ConcurrentSnapshotLimitExceeded). Once is
   * enough, and what cannot be read is no reason to fail.
   */
  async look(): Promise<void> {
    if (!this.isFull || this.inError) return;
    this.inError = [];
    const query = { OwnerIds: ['self'], Filters: [{ Name: 'status', Values: ['error'] }] };
    try {
      for await (const { Snapshots = [] } of paginateDescribeSnapshots(
        { client: this.ec2, pageSize: 1000 },
        query,
      ))
        this.inError.push(...Snapshots.flatMap(({ SnapshotId }) => SnapshotId ?? []));
    } catch (error) {
      log.warn('snapshots in error could not be looked for', { error });
    }
  }

  private withErrors(why: string): string {
    const all = this.inError ?? [];
    if (all.length === 0) return why;
    const named = all.slice(0, NAMED).join(', ') + (all.length > NAMED ? ', …' : '');
    return `${why}. ${all.length} snapshots in error count as pending too (${named}): delete them`;
  }
}
