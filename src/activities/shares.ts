import { ApplicationFailure } from '@temporalio/common';
import {
  DescribeImageAttributeCommand,
  DescribeSnapshotAttributeCommand,
  ModifyImageAttributeCommand,
  ModifySnapshotAttributeCommand,
  type EC2Client,
} from '@aws-sdk/client-ec2';
import { isNotFound } from '../aws/failures';
import { FAILURE } from '../model/failures';
import { grantName, isShared, missingFrom, type SharedImage, type ShareState } from '../model/sharing';
import { targetKey, type Target } from '../model/target';
import type { ActivityDeps } from './deps';
import { grantsOf } from './grants';
import { foundInTime } from './idempotency';
import { notShareable } from './imageReads';

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
export function shareActivities({ aws, settings }: ActivityDeps) {
  const readShare = async ({ target, image, partner }: Shared): Promise<ShareState> => {
    const ec2 = aws.ec2(target, 'read');
    const launch = await launchPermissions(ec2, image.amiId);
    if (launch.public) throw isPublic(target, `image ${image.amiId}`);
    const snapshotIds: string[] = [];
    for (const snapshotId of image.snapshotIds) {
      const permissions = await volumePermissions(ec2, snapshotId);
      if (permissions.public) throw isPublic(target, `snapshot ${snapshotId}`);
      if (permissions.accounts.includes(partner)) snapshotIds.push(snapshotId);
    }
    const kms = aws.kms(target, 'read');
    const kmsKeyIds: string[] = [];
    for (const key of image.kmsKeyIds) {
      const grants = await grantsOf(kms, key, partner, grantName(image.amiId, partner));
      if (grants.length > 0) kmsKeyIds.push(key);
    }
    return { kmsKeyIds, snapshotIds, launch: launch.accounts.includes(partner) };
  };

  return {
    /**
     * What the partner may do with the image already.
     *
     * @throws ApplicationFailure NotShareable when the image or a snapshot is public
     */
    readShare,

    /** @throws ApplicationFailure NotYetVisible, retryable, until reads show the whole share */
    async verifyShare(shared: Shared): Promise<void> {
      const state = await readShare(shared);
      if (isShared(shared.image, state)) return;
      throw ApplicationFailure.retryable(
        `${shared.image.amiId} does not show as shared with ${shared.partner}: ${JSON.stringify(missingFrom(shared.image, state))} is missing`,
        FAILURE.notYetVisible,
      );
    },

    async shareSnapshots({ target, snapshotIds, partner }: SnapshotShare): Promise<void> {
      for (const snapshotId of snapshotIds)
        await modifySnapshot(aws.ec2(target, 'share'), snapshotId, { Add: [{ UserId: partner }] });
    },

    /** Takes back what is there; where nothing is shared, nothing is called: whoever may not share may not unshare. */
    async unshareSnapshots({ target, snapshotIds, partner }: SnapshotShare): Promise<void> {
      const ec2 = aws.ec2(target, 'share');
      const shared = await foundInTime(settings, async () => {
        const found: string[] = [];
        for (const snapshotId of snapshotIds)
          if ((await unlessGone(volumePermissions(ec2, snapshotId)))?.accounts.includes(partner))
            found.push(snapshotId);
        return found.length > 0 ? found : undefined;
      });
      for (const snapshotId of shared ?? [])
        await unlessGone(modifySnapshot(ec2, snapshotId, { Remove: [{ UserId: partner }] }));
    },

    async shareLaunch({ target, amiId, partner }: LaunchShare): Promise<void> {
      await modifyImage(aws.ec2(target, 'share'), amiId, { Add: [{ UserId: partner }] });
    },

    /** As {@link unshareSnapshots}. */
    async unshareLaunch({ target, amiId, partner }: LaunchShare): Promise<void> {
      const ec2 = aws.ec2(target, 'share');
      const shared = await foundInTime(settings, async () => {
        const permissions = await unlessGone(launchPermissions(ec2, amiId));
        return permissions?.accounts.includes(partner) ? true : undefined;
      });
      if (shared) await unlessGone(modifyImage(ec2, amiId, { Remove: [{ UserId: partner }] }));
    },
  };
}

interface Permissions {
  accounts: string[];
  public: boolean;
}

interface Change {
  Add?: { UserId: string }[];
  Remove?: { UserId: string }[];
}

interface Permission {
  UserId?: string;
  Group?: string;
}

async function launchPermissions(ec2: EC2Client, ImageId: string): Promise<Permissions> {
  const { LaunchPermissions } = await ec2.send(
    new DescribeImageAttributeCommand({ ImageId, Attribute: 'launchPermission' }),
  );
  return permissions(LaunchPermissions);
}

export async function volumePermissions(ec2: EC2Client, SnapshotId: string): Promise<Permissions> {
  const { CreateVolumePermissions } = await ec2.send(
    new DescribeSnapshotAttributeCommand({ SnapshotId, Attribute: 'createVolumePermission' }),
  );
  return permissions(CreateVolumePermissions);
}

function permissions(list: readonly Permission[] = []): Permissions {
  return {
    accounts: list.flatMap(({ UserId }) => UserId ?? []),
    public: list.some(({ Group }) => Group === 'all'),
  };
}

async function modifyImage(ec2: EC2Client, ImageId: string, change: Change): Promise<void> {
  await ec2.send(new ModifyImageAttributeCommand({ ImageId, LaunchPermission: change }));
}

/** Twice is as good as once. */
export async function modifySnapshot(ec2: EC2Client, SnapshotId: string, change: Change): Promise<void> {
  await ec2.send(new ModifySnapshotAttributeCommand({ SnapshotId, CreateVolumePermission: change }));
}

async function unlessGone<Result>(call: Promise<Result>): Promise<Result | undefined> {
  try {
    return await call;
  } catch (error) {
    // EC2 says `Unavailable` of an image that was deregistered a while ago.
    if (isNotFound(error) || (error as Error).name === 'InvalidAMIID.Unavailable') return undefined;
    throw error;
  }
}

function isPublic(target: Target, what: string): ApplicationFailure {
  return notShareable(
    `${what} in ${targetKey(target)} is public already: everybody can use it; take that back first (group "all")`,
  );
}
