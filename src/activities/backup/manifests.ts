import { createHash } from 'node:crypto';
import type { Instance, Volume } from '@aws-sdk/client-ec2';
import type { ObjectStore } from '../../store/objectStore';
import type { UserDataSaid } from './userData';

/**
 * Writes what a whole instance needs and tags cannot hold: the instance as EC2 describes it, its volumes, its user
 * data. The name is the content's hash, so an unchanged instance has one manifest however often it is backed up.
 *
 * @returns the hash
 */
export async function writeManifest(
  store: ObjectStore,
  instance: Instance,
  volumes: Volume[],
  userData: UserDataSaid,
): Promise<string> {
  const body = JSON.stringify({ schemaVersion: 1, instance, volumes, ...userData }, sortedKeys, 1);
  const hash = createHash('sha256').update(body).digest('hex');
  await store.put(`${hash}.json`, body);
  return hash;
}

/** The order in which AWS answers is not content. */
function sortedKeys(_key: string, value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  return Object.fromEntries(Object.entries(value).sort(([a], [b]) => a.localeCompare(b)));
}
