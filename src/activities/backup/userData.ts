import { DescribeInstanceAttributeCommand, type EC2Client, type Instance } from '@aws-sdk/client-ec2';
import type { ObjectStore } from '../../store/objectStore';

/** EC2 tells user data of one instance a call: of a place that is new to it a run asks a part, and the runs after it the rest. */
const PART = 1 / 8;
const AT_LEAST = 10;

/** What a manifest says of user data: itself, or in which file of the store a later run keeps it. */
export type UserDataSaid = { userData: string } | { userDataIn: string };

/**
 * User data changes only while the instance is stopped, so of a running one it is the same as long as the launch time is:
 * it is asked for once and kept beside the manifests, because a call for each instance would double what a backup takes.
 */
export class UserData {
  private left: number;

  /** @param instances that are backed up at once */
  constructor(
    private readonly store: ObjectStore,
    private readonly ec2: EC2Client,
    instances: number,
  ) {
    this.left = Math.max(AT_LEAST, Math.ceil(instances * PART));
  }

  async of(instance: Instance): Promise<UserDataSaid> {
    const { InstanceId = '', LaunchTime, State } = instance;
    // It may change any time, and what the next run reads may be another.
    if (State?.Name !== 'running') return { userData: await this.read(InstanceId) };
    const key = `user-data/${InstanceId}-${LaunchTime?.getTime() ?? 0}.json`;
    const known = await this.store.get(key);
    if (known !== undefined) return { userData: (JSON.parse(known) as { userData: string }).userData };
    if (this.left <= 0) return { userDataIn: key };
    this.left -= 1;
    const userData = await this.read(InstanceId);
    await this.store.put(key, JSON.stringify({ schemaVersion: 1, instanceId: InstanceId, userData }));
    return { userData };
  }

  private async read(InstanceId: string): Promise<string> {
    const { UserData } = await this.ec2.send(
      new DescribeInstanceAttributeCommand({ InstanceId, Attribute: 'userData' }),
    );
    return UserData?.Value ?? '';
  }
}
