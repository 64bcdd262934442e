import { Context } from '@temporalio/activity';
import type { ApplicationFailure } from '@temporalio/common';
import {
  DescribeImageAttributeCommand,
  DescribeSnapshotsCommand,
  ModifyImageAttributeCommand,
  type EC2Client,
} from '@aws-sdk/client-ec2';
import { notYetVisible } from '../../aws/applicationFailures';
import {
  grantName,
  isShared,
  missingFrom,
  type SharedImage,
  type ShareState,
} from '../../model/images/sharing';
import { targetKey, type Target } from '../../model/target';
import type { ActivityDeps } from '../support/deps';
import { findGrants } from '../keys/grants';
import { findInTime } from '../support/idempotency';
import { requireProven } from './proof';
import { CALLS_AT_ONCE, workInTurns } from '../support/pace/inTurns';
import { notShareable, findOwnImage } from './reads';
import { knownSnapshots } from '../support/known';
import { unlessGone } from '../support/unlessGone';
import { requireUsableKey } from '../keys/checks';
import { snapshotIdsOf } from '../points/snapshotUse';
import {
  type AccessPermissions,
  type Change,
  readVolumePermissions,
  parsePermissions,
  modifySnapshot,
} from '../points/permissions';

interface Shared {
  target: Target;
  image: SharedImage;
  /** Account id. */
  partner: string;
}

interface SnapshotShare {
  target: Target;
  snapshotIds: string[];
  partner: string;
}

interface LaunchShare {
  target: Target;
  amiId: string;
  partner: string;
}

/** Permissions of single accounts; never of the group `all`, which is everybody. */
export function shareActivities(deps: ActivityDeps) {
  const { aws, settings } = deps;
  const readShareState = async ({ target, image, partner }: Shared): Promise<ShareState> => {
    const ec2 = aws.ec2(target, 'read');
    const launch = await readLaunchPermissions(ec2, image.amiId);
    if (launch.public) throw isPublic(target, `image ${image.amiId}`);
    const shared = await workInTurns(image.snapshotIds, CALLS_AT_ONCE, async (snapshotId) => {
      const permissions = await readVolumePermissions(ec2, snapshotId);
      if (permissions.public) throw isPublic(target, `snapshot ${snapshotId}`);
      return permissions.accounts.includes(partner) ? [snapshotId] : [];
    });
    const snapshotIds = shared.flat();
    const kms = aws.kms(target, 'read');
    const kmsKeyIds: string[] = [];
    for (const key of image.kmsKeyIds) {
      const grants = await findGrants(kms, key, partner, grantName(image.amiId, partner));
      if (grants.length > 0) kmsKeyIds.push(key);
    }
    return { kmsKeyIds, snapshotIds, launch: launch.accounts.includes(partner) };
  };

  return {
    /**
     * What the partner may do with the image already.
     *
     * @throws ApplicationFailure NotShareable when the image or a snapshot is public, or nothing proves that the image
     * was made for the request whose marks it carries
     */
    async readShare(shared: Shared): Promise<ShareState> {
      await requireProven(deps, shared.target, shared.image.amiId);
      return readShareState(shared);
    },

    /** @throws ApplicationFailure NotYetVisible, retryable, until reads show the whole share */
    async verifyShare(shared: Shared): Promise<void> {
      const state = await readShareState(shared);
      if (isShared(shared.image, state)) return;
      throw notYetVisible(
        `${shared.image.amiId} does not show as shared with ${shared.partner}: ${JSON.stringify(missingFrom(shared.image, state))} is missing`,
      );
    },

    /**
     * Lets the partner copy the snapshots and make volumes of them, which nobody can take back: what the plan found is asked
     * again.
     *
     * @returns those that were not shared with the partner before
     * @throws ApplicationFailure NotShareable when one is public or not complete, KeyUnusable when its key cannot be used
     */
    async shareSnapshots({ target, snapshotIds, partner }: SnapshotShare): Promise<string[]> {
      await requireSnapshots(deps, target, snapshotIds);
      const added = await workInTurns(snapshotIds, CALLS_AT_ONCE, async (snapshotId) => {
        const before = await readVolumePermissions(aws.ec2(target, 'read'), snapshotId);
        if (before.public) throw isPublic(target, `snapshot ${snapshotId}`);
        await modifySnapshot(aws.ec2(target, 'share'), snapshotId, { Add: [{ UserId: partner }] });
        return isNew(before, partner) ? [snapshotId] : [];
      });
      return added.flat();
    },

    /** Takes back what is there; where nothing is shared, nothing is called: whoever may not share may not unshare. */
    async unshareSnapshots({ target, snapshotIds, partner }: SnapshotShare): Promise<void> {
      const ec2 = aws.ec2(target, 'share');
      const shared = new Set<string>();
      await findInTime(settings, async () => {
        const unseen = snapshotIds.filter((id) => !shared.has(id));
        await workInTurns(unseen, CALLS_AT_ONCE, async (snapshotId) => {
          const permissions = await unlessGone(readVolumePermissions(ec2, snapshotId));
          if (permissions?.accounts.includes(partner)) shared.add(snapshotId);
        });
        // Reads lag for each by itself.
        return shared.size === snapshotIds.length || undefined;
      });
      await workInTurns([...shared], CALLS_AT_ONCE, (snapshotId) =>
        unlessGone(modifySnapshot(ec2, snapshotId, { Remove: [{ UserId: partner }] })),
      );
    },

    /**
     * Lets the partner launch the image; what the plan found is asked again.
     *
     * @returns whether the partner could not before
     * @throws ApplicationFailure NotShareable when the image is public or not available, KeyUnusable when a key of its
     * snapshots cannot be used
     */
    async shareLaunch({ target, amiId, partner }: LaunchShare): Promise<boolean> {
      await requireAvailable(deps, target, amiId);
      const before = await readLaunchPermissions(aws.ec2(target, 'read'), amiId);
      if (before.public) throw isPublic(target, `image ${amiId}`);
      await modifyImage(aws.ec2(target, 'share'), amiId, { Add: [{ UserId: partner }] });
      return isNew(before, partner);
    },

    /** As {@link unshareSnapshots}. */
    async unshareLaunch({ target, amiId, partner }: LaunchShare): Promise<void> {
      const ec2 = aws.ec2(target, 'share');
      const shared = await findInTime(settings, async () => {
        const permissions = await unlessGone(readLaunchPermissions(ec2, amiId));
        return permissions?.accounts.includes(partner) ? true : undefined;
      });
      if (shared) await unlessGone(modifyImage(ec2, amiId, { Remove: [{ UserId: partner }] }));
    },
  };
}

/** Who has a permission is not told apart on a retry: an earlier attempt may have given it. */
function isNew({ accounts }: AccessPermissions, partner: string): boolean {
  return Context.current().info.attempt > 1 || !accounts.includes(partner);
}

async function requireSnapshots(deps: ActivityDeps, target: Target, SnapshotIds: string[]): Promise<void> {
  if (SnapshotIds.length === 0) return;
  const { Snapshots } = await deps.aws
    .ec2(target, 'read')
    .send(new DescribeSnapshotsCommand({ SnapshotIds }));
  const snapshots = knownSnapshots(Snapshots, SnapshotIds);
  for (const { SnapshotId, State, OwnerId } of snapshots) {
    if (State !== 'completed' || OwnerId !== target.accountId)
      throw notShareable(
        `snapshot ${SnapshotId} in ${targetKey(target)} is ${State} and of account ${OwnerId}: only complete ones of its own are shared`,
      );
  }
  for (const key of new Set(snapshots.flatMap(({ KmsKeyId }) => KmsKeyId ?? [])))
    await requireUsableKey(deps, target, key);
}

async function requireAvailable(deps: ActivityDeps, target: Target, amiId: string): Promise<void> {
  const image = await findOwnImage(deps.aws.ec2(target, 'read'), { 'image-id': amiId });
  if (image?.State !== 'available')
    throw notShareable(
      `image ${amiId} in ${targetKey(target)} is ${image?.State ?? 'gone'}: only an available one can be shared`,
    );
  await requireSnapshots(deps, target, snapshotIdsOf(image));
}

export async function readLaunchPermissions(ec2: EC2Client, ImageId: string): Promise<AccessPermissions> {
  const { LaunchPermissions } = await ec2.send(
    new DescribeImageAttributeCommand({ ImageId, Attribute: 'launchPermission' }),
  );
  return parsePermissions(LaunchPermissions);
}

async function modifyImage(ec2: EC2Client, ImageId: string, change: Change): Promise<void> {
  await ec2.send(new ModifyImageAttributeCommand({ ImageId, LaunchPermission: change }));
}

function isPublic(target: Target, what: string): ApplicationFailure {
  return notShareable(
    `${what} in ${targetKey(target)} is public already: everybody can use it; take that back first (group "all")`,
  );
}
