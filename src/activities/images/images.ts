import type { ApplicationFailure } from '@temporalio/common';
import { Context } from '@temporalio/activity';
import {
  CopyImageCommand,
  CreateImageCommand,
  DescribeImagesCommand,
  type EC2Client,
  type TagSpecification,
} from '@aws-sdk/client-ec2';
import {
  conflict,
  finalFailure,
  incompleteAnswer,
  notFound,
  notYetVisible,
} from '../../aws/applicationFailures';
import { FAILURE } from '../../model/failures';
import type { ImageFacts } from '../../model/images/image';
import { makerTags, type Maker } from '../../model/maker';
import { TAG } from '../../model/names';
import { targetKey, type Target } from '../../model/target';
import type { ActivityDeps } from '../support/deps';
import { isOverdue } from '../support/gone';
import { clientToken, findInTime, findMadeEarlier } from '../support/idempotency';
import { knownImages, type KnownImage } from '../support/known';
import { isMadeFor, isSound, notProven } from './proof';
import { readImageFacts, findOwnImage } from './reads';
import { now, sleep } from '../support/pace/waits';
import { tagList, tagMap } from '../support/tags';

/** Reads may lag; an image that none of them shows for so many lags is no more. */
const LAGS_UNTIL_GONE = 4;

interface NewImage {
  target: Target;
  name: string;
  description: string;
  /** Written as a tag on image and snapshots; together with the run's id it tells what to take over and to undo. */
  request: string;
  maker: Maker;
  tags?: Record<string, string>;
}

/** Own images: https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/AMIs.html */
export function imageActivities(deps: ActivityDeps) {
  const { aws, settings } = deps;
  return {
    /**
     * Starts an image of an instance and of all its volumes. CreateImage has no client token: name and tags find what an
     * earlier attempt made, and the instance that EC2 says it is of proves it.
     *
     * @throws ApplicationFailure Conflict when the name is taken
     */
    async createImage(image: NewImage & { instanceId: string; reboot: boolean }): Promise<string> {
      const { target, instanceId, reboot } = image;
      const ec2 = aws.ec2(target, 'share');
      const isOurs = (made: KnownImage) => Promise.resolve(made.SourceInstanceId === instanceId);
      return makeOnce(deps, ec2, image, isOurs, async (common) => {
        const { ImageId } = await ec2.send(
          new CreateImageCommand({ ...common, InstanceId: instanceId, NoReboot: !reboot }),
        );
        return ImageId;
      });
    },

    /** Starts a copy of an own image, from another region or under another key. Without a key it stays as it is. */
    async copyImage(image: NewImage & { source: Target; amiId: string; kmsKeyId?: string }): Promise<string> {
      const { target, source, amiId, kmsKeyId, maker, request } = image;
      const ec2 = aws.ec2(target, 'share');
      const isOurs = async (made: KnownImage) =>
        (made.SourceImageId === amiId && made.SourceImageRegion === source.region) ||
        // Of the same request in another run: its staging image is another one.
        isMadeFor(deps, target, made, request);
      return makeOnce(deps, ec2, image, isOurs, async (common) => {
        const { ImageId } = await ec2.send(
          new CopyImageCommand({
            ...common,
            SourceRegion: source.region,
            SourceImageId: amiId,
            ClientToken: clientToken(`${maker.workflowId}|${maker.runId}|copy|${request}`),
            ...(kmsKeyId && { Encrypted: true, KmsKeyId: kmsKeyId }),
          }),
        );
        return ImageId;
      });
    },

    /**
     * Waits until the images are available.
     *
     * @throws ApplicationFailure ResourceFailed with AWS's StateReason when one of them will never be
     */
    async waitForImages({ target, amiIds }: { target: Target; amiIds: string[] }): Promise<void> {
      const ec2 = aws.ec2(target, 'read');
      const shownAt = new Map(amiIds.map((amiId) => [amiId, now()]));
      for (let open = amiIds; ; await sleep(settings.pollMs)) {
        const images = await imagesById(ec2, open);
        Context.current().heartbeat({ waitingFor: open });
        for (const amiId of images.keys()) shownAt.set(amiId, now());
        open = open.filter((amiId) => {
          const hiddenForMs = now() - (shownAt.get(amiId) ?? 0);
          if (hiddenForMs > LAGS_UNTIL_GONE * settings.readLagMs)
            throw ended(target, amiId, 'is gone: someone deregistered it');
          return !isAvailable(target, amiId, images.get(amiId));
        });
        if (open.length === 0) return;
      }
    },

    /** @throws ApplicationFailure NotYetVisible, retryable, while reads may not show the image yet; then NotFound */
    async readImage({ target, amiId }: { target: Target; amiId: string }): Promise<ImageFacts> {
      const ec2 = aws.ec2(target, 'read');
      const image = await findOwnImage(ec2, { 'image-id': amiId });
      if (image) return readImageFacts(ec2, image);
      if (isOverdue(settings))
        throw notFound(`image ${amiId} in ${targetKey(target)} does not exist; somebody has deregistered it`);
      throw notYetVisible(`image ${amiId} does not show yet`);
    },
  };
}

interface CommonParameters {
  Name: string;
  Description: string;
  TagSpecifications: TagSpecification[];
}

/**
 * Makes the image unless an earlier attempt, or an earlier run for the same request, did.
 *
 * @param isOurs by what AWS itself records: tags find an image, and prove nothing
 */
async function makeOnce(
  { settings }: ActivityDeps,
  ec2: EC2Client,
  { target, name, description, request, maker, tags }: NewImage,
  isOurs: (image: KnownImage) => Promise<boolean>,
  make: (common: CommonParameters) => Promise<string | undefined>,
): Promise<string> {
  const find = async () => {
    const image = await findOwnImage(ec2, { name });
    const marks = tagMap(image?.Tags);
    if (!image || marks[TAG.request] !== request) return undefined;
    const where = `the image name ${JSON.stringify(name)} in ${targetKey(target)} is taken by ${image.ImageId}`;
    if (!(await isOurs(image))) throw notProven(where, image);
    // Of one that this run made and that failed, the wait tells why; another run's would be found for ever.
    if (!isSound(image) && marks[TAG.run] !== maker.runId)
      throw conflict(`${where}, which is ${image.State}; deregister it first`);
    return image.ImageId;
  };
  const earlier = await findMadeEarlier(settings, find);
  if (earlier) return earlier;
  const Tags = tagList({ ...makerTags(maker, request), ...tags });
  const common: CommonParameters = {
    Name: name,
    Description: description,
    TagSpecifications: [
      { ResourceType: 'image', Tags },
      { ResourceType: 'snapshot', Tags },
    ],
  };
  try {
    const amiId = await make(common);
    if (amiId) return amiId;
  } catch (error) {
    if ((error as Error).name !== 'InvalidAMIName.Duplicate') throw error;
    // A retry has waited out the read lag: a second wait would outlast the attempt.
    const twin = await (Context.current().info.attempt > 1 ? find() : findInTime(settings, find));
    if (twin) return twin;
    throw conflict(
      `the image name ${JSON.stringify(name)} in ${targetKey(target)} is taken; give another amiName`,
    );
  }
  throw incompleteAnswer('AWS named no image');
}

async function imagesById(ec2: EC2Client, amiIds: string[]): Promise<Map<string, KnownImage>> {
  const { Images } = await ec2.send(
    new DescribeImagesCommand({ Owners: ['self'], Filters: [{ Name: 'image-id', Values: amiIds }] }),
  );
  return new Map(knownImages(Images, amiIds).map((image) => [image.ImageId, image]));
}

function isAvailable(target: Target, amiId: string, image: KnownImage | undefined): boolean {
  if (image?.State === 'available') return true;
  if (!image || image.State === 'pending' || image.State === 'transient') return false;
  throw ended(target, amiId, `is ${image.State}: ${image.StateReason?.Message ?? 'AWS gave no reason'}`);
}

function ended(target: Target, amiId: string, why: string): ApplicationFailure {
  return finalFailure(FAILURE.resourceFailed, `image ${amiId} in ${targetKey(target)} ${why}`);
}
