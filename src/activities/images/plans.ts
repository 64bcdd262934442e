import {
  DescribeInstancesCommand,
  DescribeVolumesCommand,
  GetEbsDefaultKmsKeyIdCommand,
  GetEbsEncryptionByDefaultCommand,
} from '@aws-sdk/client-ec2';
import { paginateListAliases } from '@aws-sdk/client-kms';
import { notFound } from '../../aws/applicationFailures';
import { imageDescription, type ImagePlan } from '../../model/images/image';
import { targetKey, type Target } from '../../model/target';
import type { ActivityDeps } from '../support/deps';
import { imageCopyRequest, instanceImageRequest, findToTakeOver } from './proof';
import { readImageFacts, notShareable, findOwnImage } from './reads';
import {
  keyOf,
  knownInstances,
  knownVolumes,
  withId,
  type KnownInstance,
  type KnownVolume,
} from '../support/known';
import { attachedVolumeIds } from '../support/reads';
import { describeKey, keyUnusable, requireUsableKey, whyUnusable, type UsableKey } from '../keys/checks';

interface ImageAsked {
  target: Target;
  instanceId: string;
  amiName: string;
  description: string;
  kmsKeyId?: string;
}

interface CopyAsked {
  source: Target;
  destination: Target;
  amiId: string;
  /** Of the copy; as the source's when left out. */
  amiName?: string;
  kmsKeyId?: string;
}

const FIX = 'give kmsKeyId; createCustomerManagedKey makes one';

/** Decide what an image will be, by reads only, before anything is made. */
export function imagePlanActivities(deps: ActivityDeps) {
  const { aws } = deps;
  return {
    /**
     * @throws ApplicationFailure NotFound, NotShareable, KeyUnusable, or Conflict when the name is taken
     */
    async planImage({ target, instanceId, amiName, description, kmsKeyId }: ImageAsked): Promise<ImagePlan> {
      const volumes = await readVolumes(deps, target, instanceId);
      const key = kmsKeyId
        ? await requireShareableKey(deps, target, kmsKeyId)
        : await readDefaultKey(deps, target);
      const volumeKeys = new Set(volumes.map((volume) => keyOf(volume, volume.VolumeId)));
      // A volume under a key that cannot be used makes an image that fails late; unless it is copied under `key`,
      // the volume's key is also what partners get.
      for (const each of [...volumeKeys].flatMap((each) => each ?? []))
        await (key ? requireUsableKey(deps, target, each) : requireShareable(deps, target, each));
      const request = instanceImageRequest(target, instanceId, amiName);
      const plan = {
        request,
        name: amiName,
        description: imageDescription(description, request),
        ...(key && { kmsKeyId: key.arn }),
        reencrypt: key !== undefined && [...volumeKeys].some((each) => each !== key.arn),
        clear: !key && volumeKeys.has(undefined),
      };
      return { ...plan, existing: await findToTakeOver(deps, target, plan) };
    },

    /**
     * @throws ApplicationFailure NotFound, NotShareable, KeyUnusable, or Conflict when the name is taken there
     */
    async planImageCopy({ source, destination, amiId, amiName, kmsKeyId }: CopyAsked): Promise<ImagePlan> {
      const image = await findOwnImage(aws.ec2(source, 'read'), { 'image-id': amiId });
      if (!image) {
        throw notFound(
          `amiId: ${targetKey(source)} owns no image ${amiId}; name one of its own in its region`,
        );
      }
      if (image.State !== 'available')
        throw notShareable(`amiId: ${amiId} is ${image.State}; copy it when it is available`);
      const facts = await readImageFacts(aws.ec2(source, 'read'), image);
      const sourceKeys = [...new Set(facts.snapshots.flatMap((each) => each.kmsKeyId ?? []))];
      for (const sourceKey of sourceKeys) await requireUsableKey(deps, source, sourceKey);
      const key = kmsKeyId
        ? await requireShareableKey(deps, destination, kmsKeyId)
        : ((await findKeyOfSameAlias(deps, source, destination, sourceKeys)) ??
          (await readDefaultKey(deps, destination)));
      if (!key && sourceKeys.length > 0) {
        throw keyUnusable(
          destination,
          '(left out)',
          `${amiId} is encrypted, and no customer managed key there has its key's alias or is the default; ${FIX}, with target.region ${destination.region}`,
        );
      }
      if (!key) await refuseDefaultEncryption(deps, destination);
      const request = imageCopyRequest(source, amiId, destination);
      const plan = {
        request,
        name: amiName ?? image.Name ?? amiId,
        description: imageDescription(`Copied from ${amiId} in ${source.region}`, request),
        ...(key && { kmsKeyId: key.arn }),
        reencrypt: key !== undefined,
        clear: !key,
      };
      return { ...plan, existing: await findToTakeOver(deps, destination, plan) };
    },
  };
}

/** Volumes that the instance's image will hold. */
async function readVolumes(
  { aws }: ActivityDeps,
  target: Target,
  instanceId: string,
): Promise<KnownVolume[]> {
  const ec2 = aws.ec2(target, 'read');
  const { Reservations } = await ec2.send(new DescribeInstancesCommand({ InstanceIds: [instanceId] }));
  const [instance] = knownInstances(Reservations, [instanceId]);
  const problem = instance ? whyNoImage(instance) : 'there is no such instance';
  if (problem) throw notShareable(`instanceId: ${instanceId} in ${targetKey(target)}: ${problem}`);
  const ids = instance ? attachedVolumeIds(instance) : [];
  const { Volumes } = await ec2.send(new DescribeVolumesCommand({ VolumeIds: ids }));
  return knownVolumes(Volumes, ids);
}

function whyNoImage({ State, RootDeviceType, ProductCodes, BlockDeviceMappings }: KnownInstance) {
  if (State.Name !== 'running' && State.Name !== 'stopped')
    return `it is ${State.Name}; images are made of running and stopped instances`;
  if (RootDeviceType === 'instance-store' || !BlockDeviceMappings?.length) return 'its root is no EBS volume';
  if (ProductCodes?.length)
    return `it runs an AWS Marketplace product (${ProductCodes[0]?.ProductCodeId}), whose images cannot be shared`;
  return undefined;
}

/** A usable key under which things can be shared. */
async function requireShareableKey(deps: ActivityDeps, target: Target, kmsKeyId: string): Promise<UsableKey> {
  const key = await requireUsableKey(deps, target, kmsKeyId);
  if (key.customerManaged) return key;
  throw notShareable(
    `kmsKeyId ${kmsKeyId} in ${targetKey(target)}: AWS manages this key, and nothing under it can be shared; give a customer managed key`,
  );
}

async function requireShareable(deps: ActivityDeps, target: Target, volumeKey: string): Promise<void> {
  const key = await requireUsableKey(deps, target, volumeKey);
  if (key.customerManaged) return;
  throw notShareable(
    `a volume is under ${volumeKey}, which AWS manages: nothing under it can be shared; ${FIX}`,
  );
}

/** The region's default key where encryption by default is on with a customer managed key. */
async function readDefaultKey(deps: ActivityDeps, target: Target): Promise<UsableKey | undefined> {
  const ec2 = deps.aws.ec2(target, 'read');
  const { EbsEncryptionByDefault } = await ec2.send(new GetEbsEncryptionByDefaultCommand({}));
  if (!EbsEncryptionByDefault) return undefined;
  const { KmsKeyId } = await ec2.send(new GetEbsDefaultKmsKeyIdCommand({}));
  if (!KmsKeyId) return undefined;
  const key = await describeKey(deps.aws.kms(target, 'read'), KmsKeyId);
  return key?.KeyManager === 'CUSTOMER' ? requireUsableKey(deps, target, KmsKeyId) : undefined;
}

/** There, an unencrypted image would be encrypted under aws/ebs while it is copied, and could not be shared. */
async function refuseDefaultEncryption({ aws }: ActivityDeps, destination: Target): Promise<void> {
  const { EbsEncryptionByDefault } = await aws
    .ec2(destination, 'read')
    .send(new GetEbsEncryptionByDefaultCommand({}));
  if (!EbsEncryptionByDefault) return;
  throw notShareable(
    `${targetKey(destination)} encrypts by default under a key that AWS manages, and nothing under it can be shared; ${FIX}, with target.region ${destination.region}`,
  );
}

/** The destination's counterpart of the source's key: what people name alike, they mean alike. */
async function findKeyOfSameAlias(
  { aws }: ActivityDeps,
  source: Target,
  destination: Target,
  sourceKeys: readonly string[],
): Promise<UsableKey | undefined> {
  const there = aws.kms(destination, 'read');
  for (const KeyId of sourceKeys) {
    for await (const { Aliases } of paginateListAliases({ client: aws.kms(source, 'read') }, { KeyId })) {
      for (const { AliasName } of withId(Aliases, 'AliasName')) {
        const key = AliasName.startsWith('alias/aws/') ? undefined : await describeKey(there, AliasName);
        if (key?.KeyId && key.Arn && key.KeyManager === 'CUSTOMER' && !whyUnusable(key, destination))
          return { keyId: key.KeyId, arn: key.Arn, customerManaged: true };
      }
    }
  }
  return undefined;
}
