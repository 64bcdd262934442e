import { DescribeSnapshotsCommand, type Snapshot } from '@aws-sdk/client-ec2';
import type { RunBackupResult } from '../../src/model/backup/run';
import { FAILURE } from '../../src/model/failures';
import type { AwsServer } from './awsServer';
import { failedResult } from './failure';
import type { Guests } from './guests';
import { GuestWorld } from './guestWorld';
import { anInstance, tagsOf } from './seed';
import type { World } from './world';

export const HOOKS = {
  pre: { commands: ['sync', 'fsfreeze -f /data'] },
  post: { commands: ['fsfreeze -u /data'] },
};
/** The same, for a policy that rather has a point than none. */
export const OR_CRASH = { ...HOOKS, onFailure: 'crashConsistent' };

/** A world with guests to look into. */
export class HooksWorld {
  private constructor(private readonly opened: GuestWorld) {}

  static async open(): Promise<HooksWorld> {
    return new HooksWorld(await GuestWorld.open());
  }

  get aws(): AwsServer {
    return this.opened.aws;
  }

  get world(): World {
    return this.opened.migrations.world;
  }

  get guests(): Guests {
    return this.opened.guests;
  }

  reset(): Promise<void> {
    return this.opened.reset();
  }

  close(): Promise<void> {
    return this.opened.close();
  }

  /** For what carries the tag `policy` with its name. */
  async policy(policyName: string, hooks?: object, more: object = {}): Promise<void> {
    const selector = { tags: { all: { policy: policyName } } };
    const written = { policyName, frequency: '4h', retention: '30d', selector, hooks, ...more };
    await this.world.run('createBackupPolicy', written);
    this.world.proxy.reset();
  }

  async machine(policyName: string): Promise<string> {
    const { instanceId } = await anInstance(this.world.home, { tags: { policy: policyName } });
    return instanceId;
  }

  backUp(policyName: string): Promise<RunBackupResult> {
    return this.world.run<RunBackupResult>('runBackup', { policyName });
  }

  failing(policyName: string, type: string = FAILURE.allFailed): Promise<RunBackupResult> {
    return failedResult<RunBackupResult>(this.backUp(policyName), type);
  }

  /** What befalls the commands of one step. */
  async befalls(step: 'pre' | 'post' | 'vss', effect: object, more: object = {}): Promise<void> {
    const parameters = { Comment: `*/${step}/*` };
    await this.aws.control.post('faults', { action: 'SendCommand', parameters, effect, ...more });
  }

  /** The steps of the commands that were sent, in order. */
  sent(): (string | undefined)[] {
    return this.world.proxy.callsOf('SendCommand').map(({ params }) => params.Comment?.split('/')[2]);
  }

  /** What the guest went through, and whether each snapshot of it was taken while it was frozen. */
  async storyOf(instanceId: string) {
    const { marks, snapshots, frozen } = await this.guests.of(instanceId);
    return {
      marks: marks.map(({ what }) => what),
      snapshots: snapshots.map((each) => each.frozen),
      frozen,
    };
  }

  async snapshotsOf(policyName: string): Promise<Snapshot[]> {
    const Filters = [{ Name: 'tag:holdfast:policy', Values: [policyName] }];
    const { Snapshots = [] } = await this.world.home.ec2().send(new DescribeSnapshotsCommand({ Filters }));
    return Snapshots;
  }

  /** By the tags of the snapshots. */
  async consistencyOf(policyName: string): Promise<(string | undefined)[]> {
    return (await this.snapshotsOf(policyName)).map((each) => tagsOf(each)['holdfast:consistency']);
  }

  /** What a run of the policy's Schedule would be about. */
  async slotOf(policyName: string) {
    const { action } = await this.world.client.schedule.getHandle(`policy/${policyName}`).describe();
    const args: readonly unknown[] = action.type === 'startWorkflow' ? (action.args ?? []) : [];
    const target = { accountId: this.world.home.accountId, region: 'us-east-1' };
    const slotMs = Date.now();
    return { policy: args[0], target, slotMs, begunMs: slotMs };
  }
}
