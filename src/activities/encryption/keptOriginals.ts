import type { EC2Client } from '@aws-sdk/client-ec2';
import { findKeptAmong } from '../machines/keptVolumes';
import type { KnownVolume } from '../support/known';

/** Those of the volumes that a migration keeps as originals, with its id. */
export async function findKeptOriginals(
  ec2: EC2Client,
  volumes: readonly KnownVolume[],
): Promise<Map<string, string>> {
  const kept = await findKeptAmong(ec2, volumes);
  return new Map(
    [...kept].flatMap(([id, { kept: volume }]) =>
      volume.kind === 'original' ? [[id, volume.migrationId] as const] : [],
    ),
  );
}
