import { readFileSync } from 'node:fs';
import {
  DeleteSnapshotCommand,
  DeleteVolumeCommand,
  DeregisterImageCommand,
  EC2Client,
  TerminateInstancesCommand,
  waitUntilInstanceTerminated,
} from '@aws-sdk/client-ec2';
import { KMSClient, ScheduleKeyDeletionCommand } from '@aws-sdk/client-kms';
import type { Exchange } from '../../support/sandbox';

/** In the order in which AWS lets go of them. */
const KINDS = ['i', 'ami', 'snap', 'vol', 'key'] as const;
type Kind = (typeof KINDS)[number];

/** The calls whose answers name what they made. */
const MAKING = /^(Run|Create|Copy|Register|Import|Replicate)/;
const ID = /"((?:i|ami|snap|vol)-[0-9a-f]{8,17})"|"(arn:aws[\w-]*:kms:[^"]+:key\/[^"]+)"/g;

interface Made {
  kind: Kind;
  id: string;
  profile: string;
  region: string;
}

/** Deletes what the run made, as its transcript tells. What is gone already is no failure; what stays is named. */
export default async function sweep(): Promise<void> {
  const file = process.env.CONFORMANCE_TRANSCRIPT ?? '';
  const all = made(readFileSync(file, 'utf8'));
  const left: string[] = [];
  for (const kind of KINDS) {
    for (const each of all.filter((one) => one.kind === kind))
      await remove(each).catch((error: unknown) => {
        if (!isGone(error)) left.push(`${each.id} in ${each.region} of ${each.profile}: ${String(error)}`);
      });
  }
  if (left.length > 0) throw new Error(`these are still there:\n${left.join('\n')}`);
}

export function made(transcript: string): Made[] {
  const found = new Map<string, Made>();
  for (const line of transcript.split('\n').filter(Boolean)) {
    const { action, input, output, profile, region } = JSON.parse(line) as Exchange;
    if (!MAKING.test(action)) continue;
    const given = JSON.stringify(input);
    for (const [, resource, key] of JSON.stringify(output ?? {}).matchAll(ID)) {
      const id = resource ?? key ?? '';
      // An answer repeats what the call was about: the image that an instance was started from is not ours to delete.
      if (!id || given.includes(`"${id}"`)) continue;
      const kind = key ? 'key' : (KINDS.find((prefix) => id.startsWith(`${prefix}-`)) ?? 'vol');
      // A replica is where its ARN says, not where it was asked for.
      const where = key?.split(':')[3] ?? region;
      found.set(`${where}/${id}`, { kind, id, profile, region: where });
    }
  }
  return [...found.values()];
}

async function remove({ kind, id, profile, region }: Made): Promise<void> {
  if (kind === 'key') {
    await new KMSClient({ region, profile }).send(
      new ScheduleKeyDeletionCommand({ KeyId: id, PendingWindowInDays: 7 }),
    );
    return;
  }
  const ec2 = new EC2Client({ region, profile });
  switch (kind) {
    case 'i':
      await ec2.send(new TerminateInstancesCommand({ InstanceIds: [id] }));
      await waitUntilInstanceTerminated({ client: ec2, maxWaitTime: 600 }, { InstanceIds: [id] });
      return;
    case 'ami':
      await ec2.send(new DeregisterImageCommand({ ImageId: id }));
      return;
    case 'snap':
      await ec2.send(new DeleteSnapshotCommand({ SnapshotId: id }));
      return;
    case 'vol':
      await ec2.send(new DeleteVolumeCommand({ VolumeId: id }));
  }
}

function isGone(error: unknown): boolean {
  return error instanceof Error && /NotFound|Unavailable|PendingDeletion|KMSInvalidState/.test(error.name);
}
