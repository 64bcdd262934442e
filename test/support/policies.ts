import { randomUUID } from 'node:crypto';
import { CreateTagsCommand, DescribeSnapshotsCommand, type Snapshot } from '@aws-sdk/client-ec2';
import type { RunBackupResult } from '../../src/model/backup/run';
import type { PolicyPlan } from '../../src/model/policies/policyPlan';
import type { MigrationWorld } from './migration';
import { anInstance } from './seed';

/** Backup policies beside the migrations of a world: what of a fleet in mid-migration they select. */
export class PolicyWorld {
  constructor(private readonly migrations: MigrationWorld) {}

  /** Tags of nobody else. */
  team(): Record<string, string> {
    return { team: `team-${randomUUID().slice(0, 8)}` };
  }

  byTags(tags: Record<string, string>) {
    return { tags: { all: tags } };
  }

  async tag(id: string, tags: Record<string, string>): Promise<void> {
    const Tags = Object.entries(tags).map(([Key, Value]) => ({ Key, Value }));
    await this.migrations.account.ec2().send(new CreateTagsCommand({ Resources: [id], Tags }));
  }

  /** A machine whose volumes carry its tags too, as launch templates make them. */
  async machine(tags: Record<string, string>): Promise<string> {
    const { instanceId, volumes } = await anInstance(this.migrations.account, { tags });
    for (const id of Object.values(volumes)) await this.tag(id, tags);
    return instanceId;
  }

  /** Its Schedule is there only for the time of `during`. */
  async withPolicy<Result>(
    selector: object,
    during: (policyName: string) => Promise<Result>,
  ): Promise<Result> {
    const { world } = this.migrations;
    const policy = policyOf(selector);
    const { policyName } = policy;
    await world.run('createBackupPolicy', { ...policy, paused: true });
    try {
      return await during(policyName);
    } finally {
      await world.run('deleteBackupPolicy', { policyName });
    }
  }

  backUp(selector: object): Promise<RunBackupResult> {
    return this.withPolicy(selector, (policyName) => this.migrations.world.run('runBackup', { policyName }));
  }

  plan(selector: object): Promise<PolicyPlan> {
    return this.migrations.world.run<PolicyPlan>('planBackupPolicy', policyOf(selector));
  }

  /** What no policy selects. */
  async unprotected(): Promise<string[]> {
    const { unprotected } = await this.plan(this.byTags(this.team()));
    return unprotected.items.map(({ resourceId }) => resourceId);
  }

  /** Of policies. */
  async snapshotsOf(...volumeIds: string[]): Promise<Snapshot[]> {
    const Filters = [{ Name: 'tag-key', Values: ['holdfast:policy'] }];
    const { Snapshots = [] } = await this.migrations.account
      .ec2()
      .send(new DescribeSnapshotsCommand({ OwnerIds: ['self'], Filters }));
    return Snapshots.filter(({ VolumeId = '', Tags = [] }) => {
      const policy = Tags.find(({ Key }) => Key === 'holdfast:policy')?.Value;
      return volumeIds.includes(VolumeId) && policy !== 'migration';
    });
  }
}

function policyOf(selector: object) {
  const policyName = `p-${randomUUID().slice(0, 8)}`;
  return { policyName, frequency: '4h', retention: '30d', selector };
}

/** What a run has made points of. */
export function resourcesOf({ recoveryPoints }: RunBackupResult): string[] {
  return recoveryPoints.items.map(({ resourceId }) => resourceId).sort();
}
