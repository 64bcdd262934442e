import {
  DescribeImageAttributeCommand,
  DescribeImagesCommand,
  DescribeSnapshotAttributeCommand,
  DescribeSnapshotsCommand,
  type Image,
  type Snapshot,
} from '@aws-sdk/client-ec2';
import { ListGrantsCommand, type GrantListEntry } from '@aws-sdk/client-kms';
import { TAG } from '../../src/model/names';
import { HOME_REGION, type TestAccount } from './accounts';
import type { World } from './world';

/** Inputs of createShareableAmi: each names an image of its own, for all other accounts of the world. */
export function imageInputs(world: World, instanceId: string, kmsKeyId: string) {
  let named = 0;
  return (more: object = {}) => ({
    instanceId,
    amiName: `golden-${++named}`,
    description: 'for partners',
    partnerAccounts: world.others.map(({ accountId }) => accountId),
    kmsKeyId,
    ...more,
  });
}

/** Own images that Holdfast made, finished or not. */
export async function madeImages(account: TestAccount, region = HOME_REGION): Promise<Image[]> {
  const { Images = [] } = await account.ec2(region).send(new DescribeImagesCommand({ Owners: ['self'] }));
  return Images.filter(({ Tags = [] }) => Tags.some(({ Key }) => Key === TAG.request));
}

/** Own snapshots that Holdfast's images left or hold. */
export async function madeSnapshots(account: TestAccount, region = HOME_REGION): Promise<Snapshot[]> {
  const { Snapshots = [] } = await account
    .ec2(region)
    .send(new DescribeSnapshotsCommand({ OwnerIds: ['self'] }));
  return Snapshots.filter(({ Tags = [] }) => Tags.some(({ Key }) => Key === TAG.request));
}

export async function imageCalled(
  account: TestAccount,
  name: string,
  region = HOME_REGION,
): Promise<Image | undefined> {
  return (await madeImages(account, region)).find((image) => image.Name === name);
}

/** Ids of the images that are shared with an account, as that account sees them. */
export async function sharedWith(partner: TestAccount, region = HOME_REGION): Promise<string[]> {
  const { Images = [] } = await partner
    .ec2(region)
    .send(new DescribeImagesCommand({ ExecutableUsers: ['self'] }));
  return Images.map(({ ImageId = '' }) => ImageId);
}

interface Openings {
  launch: string[];
  /** Accounts by snapshot. */
  volumes: string[][];
  groups: string[];
}

/** Whom an image and its snapshots are open to, as their owner sees it. */
export async function openTo(
  owner: TestAccount,
  amiId: string,
  snapshotIds: string[],
  region = HOME_REGION,
): Promise<Openings> {
  const ec2 = owner.ec2(region);
  const { LaunchPermissions = [] } = await ec2.send(
    new DescribeImageAttributeCommand({ ImageId: amiId, Attribute: 'launchPermission' }),
  );
  const onSnapshots = [];
  for (const SnapshotId of snapshotIds) {
    const { CreateVolumePermissions = [] } = await ec2.send(
      new DescribeSnapshotAttributeCommand({ SnapshotId, Attribute: 'createVolumePermission' }),
    );
    onSnapshots.push(CreateVolumePermissions);
  }
  const all = [LaunchPermissions, ...onSnapshots].flat();
  return {
    launch: LaunchPermissions.flatMap(({ UserId }) => UserId ?? []).sort(),
    volumes: onSnapshots.map((each) => each.flatMap(({ UserId }) => UserId ?? []).sort()),
    groups: all.flatMap(({ Group }) => Group ?? []),
  };
}

export async function grantsOn(
  owner: TestAccount,
  KeyId: string,
  region = HOME_REGION,
): Promise<GrantListEntry[]> {
  const { Grants = [] } = await owner.kms(region).send(new ListGrantsCommand({ KeyId }));
  return Grants.filter(({ Name }) => Name?.startsWith('holdfast/'));
}

/** Everything that sharing images leaves in a region, by id: to tell that nothing was left, or what. */
export async function imagesLeft(owner: TestAccount, key: string, region = HOME_REGION) {
  const [images, snapshots, grants] = await Promise.all([
    madeImages(owner, region),
    madeSnapshots(owner, region),
    grantsOn(owner, key, region),
  ]);
  return {
    images: images.map(({ ImageId }) => ImageId).sort(),
    snapshots: snapshots.map(({ SnapshotId }) => SnapshotId).sort(),
    grants: grants.map(({ GrantId }) => GrantId).sort(),
  };
}
