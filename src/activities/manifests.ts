import { createHash } from 'node:crypto';
import {
  DescribeInstanceAttributeCommand,
  type EC2Client,
  type Instance,
  type Volume,
} from '@aws-sdk/client-ec2';
import type { ObjectStore } from '../store/objectStore';

/** User data changes only while the instance is stopped, so it is the same as long as the launch time is. */
const userDataByLaunch = new Map<string, string>();
const REMEMBERED = 10_000;

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
    { schemaVersion: 1, instance, volumes, userData: await userDataOf(ec2, instance) },
    sortedKeys,
    1,
  );
  const hash = createHash('sha256').update(body).digest('hex');
  await store.put(`${hash}.json`, body);
  return hash;
}

async function userDataOf(ec2: EC2Client, { InstanceId = '', LaunchTime }: Instance): Promise<string> {
  const key = `${InstanceId}|${LaunchTime?.toISOString() ?? ''}`;
  const known = userDataByLaunch.get(key);
  if (known !== undefined) return known;
  const { UserData } = await ec2.send(
    new DescribeInstanceAttributeCommand({ InstanceId, Attribute: 'userData' }),
  );
  const userData = UserData?.Value ?? '';
  if (userDataByLaunch.size >= REMEMBERED) userDataByLaunch.clear();
  userDataByLaunch.set(key, userData);
  return userData;
}

/** The order in which AWS answers is not content. */
function sortedKeys(_key: string, value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  return Object.fromEntries(Object.entries(value).sort(([a], [b]) => a.localeCompare(b)));
}
