import { CreateTagsCommand, type EC2Client } from '@aws-sdk/client-ec2';
import type { SeenSnapshot } from '../../model/backup/setLook';
import { ownDescription, TAG } from '../../model/names';
import type { Commands, SentCommand } from '../machines/commands';
import type { Settings } from '../support/deps';
import { findInTime } from '../support/idempotency';
import { deleteSnapshot, findMarkedFor } from '../points/recoveryPoints';
import { claimsWithout } from './ownSets';
import type { SetMaker, UnitNow } from './snapshotSets';
import { tagList } from '../support/tags';
import { rootVolumeId } from '../support/reads';

const DOCUMENT = 'AWSEC2-VssInstallAndSnapshot';
const DELIVERY_SECONDS = 60;
/** Of the snapshots, without the installation before them; in seconds. */
const EXECUTION_SECONDS = 600;
/** With the installation. */
const PATIENCE_MS = 20 * 60_000;
/** What the document takes in tags: https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/create-vss-snapshots-ssm.html */
const ALLOWED = /^[\w() ./\\\-"'@+:={}]+$/;

export type VssOutcome = { snapshotIds: string[] } | { failed: string };

/**
 * Sets of Windows instances, made by AWS's document in the guest: it freezes for ten seconds at most, takes the snapshots
 * and thaws by itself. A set is whole when it has all of Holdfast's tags, which its parameters cannot hold.
 */
export class VssSets {
  constructor(
    private readonly ec2: EC2Client,
    private readonly commands: Commands,
    private readonly maker: SetMaker,
    private readonly settings: Settings,
  ) {}

  /** @throws SendFailed */
  async take(now: UnitNow, discarded: Set<string>, signal: AbortSignal): Promise<VssOutcome> {
    const impossible = leavesOutData(now);
    if (impossible) return { failed: impossible };
    const manifest = await this.maker.writeManifest(now);
    const tags = this.maker.tags(now, { manifest, consistency: 'application' });
    const command = await this.sendCommand(now, tags, discarded, signal);
    const end = await this.commands.end(command, PATIENCE_MS, signal);
    if (!end) await this.commands.stop(command);
    const found = () => this.findSnapshots(now, discarded);
    if (!end?.ok) {
      const left = await this.removeAll(now, discarded);
      const said = end?.said ?? 'it did not end and was cancelled';
      const stay = left.length > 0 ? `; ${left.join(', ')} stay, because several carry the marks of one` : '';
      return { failed: `${DOCUMENT} failed: ${said} (command ${command.commandId})${stay}` };
    }
    const snapshotIds = await findInTime(this.settings, async () => {
      const all = await found();
      return all.length >= now.volumes.length ? all : undefined;
    });
    if (!snapshotIds) return { failed: `${DOCUMENT} succeeded, but its snapshots do not show` };
    await this.ec2.send(new CreateTagsCommand({ Resources: snapshotIds, Tags: tagList(tags) }));
    return { snapshotIds };
  }

  /** One that an earlier attempt sent, and whose set nobody has judged yet, is this one's. */
  private async sendCommand(
    now: UnitNow,
    tags: Record<string, string>,
    discarded: Set<string>,
    signal: AbortSignal,
  ): Promise<SentCommand> {
    const { unit, recoveryPointId } = now;
    const earlier = (await this.commands.findMarked(unit.resourceId, recoveryPointId)).sort(
      (a, b) => b.mark.attempt - a.mark.attempt,
    )[0];
    if (earlier) {
      const isUnderWay = (await this.commands.end(earlier, 0)) === undefined;
      if (isUnderWay || (await this.findSnapshots(now, discarded)).length > 0) return earlier;
    }
    const attempt = (earlier?.mark.attempt ?? 0) + 1;
    return this.commands.send(
      {
        instanceId: unit.resourceId,
        mark: { recoveryPointId, step: 'vss', attempt },
        document: DOCUMENT,
        parameters: {
          ExcludeBootVolume: [now.left.length > 0 ? 'True' : 'False'],
          description: [ownDescription(recoveryPointId)],
          tags: [firstTags(tags)],
          executionTimeout: [String(EXECUTION_SECONDS)],
        },
        deliverySeconds: DELIVERY_SECONDS,
      },
      signal,
    );
  }

  private async findSnapshots(now: UnitNow, discarded: Set<string>): Promise<string[]> {
    return (await this.readClaims(now, discarded)).own.map(({ snapshotId }) => snapshotId);
  }

  private async readClaims({ recoveryPointId }: UnitNow, discarded: Set<string>) {
    const marked = (await findMarkedFor(this.ec2, [recoveryPointId])).get(recoveryPointId) ?? [];
    return claimsWithout(discarded, marked);
  }

  /** The document answers no ids: only what alone claims to be of its volume is its own. Returns what stays. */
  private async removeAll(now: UnitNow, discarded: Set<string>): Promise<string[]> {
    const { own, rivals } = await this.readClaims(now, discarded);
    for (const { snapshotId } of own.filter((each) => !rivals.has(each.snapshotId))) {
      discarded.add(snapshotId);
      await deleteSnapshot(this.ec2, snapshotId);
    }
    return [...rivals.values()].flat();
  }
}

/** True of what the document made and nobody has judged yet. */
export function isUnjudged({ tags }: SeenSnapshot): boolean {
  return tags[TAG.schema] === undefined;
}

/** Enough to find the snapshots, and to expire them should nobody come back for them. */
function firstTags(tags: Readonly<Record<string, string>>): string {
  const later = (key: string) =>
    key === TAG.schema || key === TAG.consistency || key.startsWith(TAG.volumePrefix);
  return Object.entries(tags)
    .filter(([key, value]) => key.startsWith(TAG.prefix) && !later(key) && ALLOWED.test(key + value))
    .map(([key, value]) => `Key=${key},Value=${value}`)
    .join(';');
}

function leavesOutData({ instance, left }: UnitNow): string | undefined {
  const boot = instance && rootVolumeId(instance);
  const data = left.flatMap(({ VolumeId }) => (VolumeId === boot ? [] : VolumeId));
  if (data.length === 0) return undefined;
  return `${DOCUMENT} takes every data volume, and this point leaves out ${data.join(', ')}; select them too, or give the instance a policy without vss`;
}
