import { DescribeSnapshotsCommand, type Snapshot } from '@aws-sdk/client-ec2';
import type { RunBackupResult } from '../../src/model/backup/run';
import type { CreateBackupPolicyResult } from '../../src/model/policies/policy';
import type { EnforceExpiryResult } from '../../src/model/retention/expiry';
import type { Target } from '../../src/model/target';
import { HOME_REGION } from './accounts';
import { awaitResult } from './awaitResult';
import { AwsServer } from './awsServer';
import { aWorld, type World, type WorldOptions } from './world';

export const HOUR = 3_600_000;
export const DAY = 24 * HOUR;

/** Where policies of the tests copy to. */
export const DR = 'eu-west-1';

/** Terms that a test says nothing about. */
export type Terms = Record<string, unknown>;

/**
 * A world on a local AWS of its own, where nothing takes time unless a test wants it to, and what tests of policies and of their
 * points ask of it. A policy is for what carries the tag `policy` with its name.
 */
export class BackupWorld {
  private constructor(
    readonly aws: AwsServer,
    readonly world: World,
    private readonly terms: Terms,
  ) {}

  /** @param terms of every policy, besides or instead of those that all have */
  static async open(terms: Terms = {}, options: WorldOptions = {}): Promise<BackupWorld> {
    const aws = await AwsServer.start('--speed', 'instant');
    const world = await aWorld({ aws: aws.endpoint, ...options });
    return new BackupWorld(aws, world, terms);
  }

  target(region = HOME_REGION): Target {
    return { accountId: this.world.home.accountId, region };
  }

  /** What createBackupPolicy takes. */
  policyOf(policyName: string, more: Terms = {}): Terms & { policyName: string } {
    const selector = { tags: { all: { policy: policyName } } };
    return { policyName, frequency: '4h', retention: '30d', selector, ...this.terms, ...more };
  }

  policy(policyName: string, more: Terms = {}): Promise<CreateBackupPolicyResult> {
    return this.world.run('createBackupPolicy', this.policyOf(policyName, more));
  }

  /** A run, and all copies that it has started. */
  async backUp(policyName: string): Promise<RunBackupResult> {
    const result = await this.world.run<RunBackupResult>('runBackup', { policyName });
    for (const { workflowId } of result.copies.items)
      await awaitResult(this.world.client.workflow.getHandle(workflowId));
    return result;
  }

  /** So many points of a policy, one after the other; the clock stands at the last one afterwards. */
  async points(policyName: string, count: number, apartMs: number): Promise<RunBackupResult[]> {
    const runs: RunBackupResult[] = [];
    for (let run = 0; run < count; run += 1) {
      this.world.clock.offset = run * apartMs;
      runs.push(await this.backUp(policyName));
      await this.aws.control.post('clock', { advance: 60 });
    }
    return runs;
  }

  async snapshots(policyName: string, region = HOME_REGION): Promise<Snapshot[]> {
    const Filters = [{ Name: 'tag:holdfast:policy', Values: [policyName] }];
    const command = new DescribeSnapshotsCommand({ OwnerIds: ['self'], Filters });
    return (await this.world.home.ec2(region).send(command)).Snapshots ?? [];
  }

  /** Of one place. */
  expire(region = HOME_REGION, more: object = {}): Promise<EnforceExpiryResult> {
    return this.world.run('enforceExpiry', { targets: [this.target(region)], ...more });
  }

  /** What befalls an action in the world's own account. */
  fails(action: string, effect: object, more: object = {}): Promise<unknown> {
    const { accountId } = this.world.home;
    return this.aws.control.post('faults', { action, effect, accountId, ...more });
  }

  /** Forgets calls and faults; it is now again. */
  async reset(): Promise<void> {
    this.world.proxy.reset();
    this.world.clock.offset = 0;
    await this.aws.control.delete('faults');
  }

  async close(): Promise<void> {
    await this.world.close();
    this.aws.stop();
  }
}
