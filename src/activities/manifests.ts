import { createHash } from 'node:crypto';
import {
  DescribeInstanceAttributeCommand,
  type EC2Client,
  type Instance,
  type Volume,
} from '@aws-sdk/client-ec2';
import type { ObjectStore } from '../store/objectStore';

/**
 * Writes what a whole instance needs and tags cannot hold: the instance as EC2 describes it, its volumes, its user
 * data. The name is the content's hash, so an unchanged instance has one manifest however often it is backed up.
 *
 * @returns the hash
 */
export async function writeManifest(
  store: ObjectStore,
  ec2: EC2Client,
  instance: Instance,
  volumes: Volume[],
): Promise<string> {
  const body = JSON.stringify(
    { schemaVersion: 1, instance, volumes, userData: await userDataOf(store, ec2, instance) },
    sortedKeys,
    1,
  );
  const hash = createHash('sha256').update(body).digest('hex');
  await store.put(`${hash}.json`, body);
  return hash;
}

/**
 * User data changes only while the instance is stopped, so of a running one it is the same as long as the launch time is:
 * it is asked for once and kept beside the manifests, because a call for each instance would double what a backup takes.
 */
async function userDataOf(store: ObjectStore, ec2: EC2Client, instance: Instance): Promise<string> {
  const { InstanceId = '', LaunchTime, State } = instance;
  if (State?.Name !== 'running') return readUserData(ec2, InstanceId);
  const key = `user-data/${InstanceId}-${LaunchTime?.getTime() ?? 0}.json`;
  const known = await store.get(key);
  if (known !== undefined) return (JSON.parse(known) as { userData: string }).userData;
  const userData = await readUserData(ec2, InstanceId);
  await store.put(key, JSON.stringify({ schemaVersion: 1, instanceId: InstanceId, userData }));
  return userData;
}

async function readUserData(ec2: EC2Client, InstanceId: string): Promise<string> {
  const { UserData } = await ec2.send(
    new DescribeInstanceAttributeCommand({ InstanceId, Attribute: 'userData' }),
  );
  return UserData?.Value ?? '';
}

/** The order in which AWS answers is not content. */
function sortedKeys(_key: string, value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  return Object.fromEntries(Object.entries(value).sort(([a], [b]) => a.localeCompare(b)));
}
