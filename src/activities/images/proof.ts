import type { ApplicationFailure } from '@temporalio/common';
import { WorkflowNotFoundError } from '@temporalio/client';
import { conflict, notYetVisible } from '../../aws/applicationFailures';
import { isOwnImageDescription, type ImagePlan } from '../../model/images/image';
import { SEARCH_ATTRIBUTES, TAG } from '../../model/names';
import { targetKey, type Target } from '../../model/target';
import type { ActivityDeps } from '../support/deps';
import { evidenceKey } from '../support/evidence';
import { requestId } from '../support/idempotency';
import { readImageFacts, notShareable, findOwnImage } from './reads';
import { told, type KnownImage } from '../support/known';
import { tagMap } from '../support/tags';

/** What makes a request's image: https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateImage.html */
export const instanceImageRequest = (target: Target, instanceId: string, name: string) =>
  requestId('image', targetKey(target), instanceId, name);

export const imageCopyRequest = (source: Target, amiId: string, destination: Target) =>
  requestId('copy', targetKey(source), amiId, targetKey(destination));

/** States in which an image is, or will be, of use: https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_Image.html */
export const isSound = ({ State }: KnownImage) =>
  State === 'available' || State === 'pending' || State === 'transient';

/**
 * Whether an image was made for a request, whatever its tags say. A request is the hash of source and name, and what an image
 * was made of only AWS writes: CreateImage the instance, CopyImage the image that it copied. Of an encrypted image that one stood in
 * between and is gone; then the run that made the image tells, in its search attributes or in its evidence.
 */
export async function isMadeFor(
  deps: ActivityDeps,
  target: Target,
  image: KnownImage,
  request: string,
): Promise<boolean> {
  const { Name, SourceInstanceId, SourceImageId, SourceImageRegion } = told(image, image.ImageId, 'Name');
  const isOf = (instanceId: string) => instanceImageRequest(target, instanceId, Name) === request;
  if (SourceInstanceId) return isOf(SourceInstanceId);
  if (!SourceImageId || !SourceImageRegion) return false;
  const copied = { ...target, region: SourceImageRegion };
  if (imageCopyRequest(copied, SourceImageId, target) === request) return true;
  const between = await findOwnImage(deps.aws.ec2(copied, 'read'), { 'image-id': SourceImageId });
  if (between?.SourceInstanceId) return isOf(between.SourceInstanceId);
  return (await findRecordedInstances(deps, target, image)).some(isOf);
}

const RUN_ID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** The instances that the run which an image names has recorded together with that image. */
async function findRecordedInstances(
  deps: ActivityDeps,
  target: Target,
  image: KnownImage,
): Promise<string[]> {
  const { [TAG.workflow]: workflowId, [TAG.run]: runId } = tagMap(image.Tags);
  // Whoever wrote the tags may have written anything, and Temporal refuses what is no run id.
  if (!workflowId || !runId || !RUN_ID.test(runId)) return [];
  const resources = await readResourcesOfChain(deps, target, workflowId, runId);
  if (resources.includes(image.ImageId)) return resources.filter((id) => id.startsWith('i-'));
  return findInstanceInEvidence(deps, image, runId);
}

/** Of the run, and of the one that it was reset to, which goes on in its name. */
async function readResourcesOfChain(
  deps: ActivityDeps,
  target: Target,
  workflowId: string,
  firstRunId: string,
): Promise<string[]> {
  const ofFirst = await readResourcesOfRun(deps, target, workflowId, firstRunId, firstRunId);
  const ofLast = await readResourcesOfRun(deps, target, workflowId, firstRunId);
  return [...ofFirst, ...ofLast];
}

/** Only a workflow itself writes its search attributes. None of a run that Temporal has forgotten. */
async function readResourcesOfRun(
  { temporal }: ActivityDeps,
  { accountId, region }: Target,
  workflowId: string,
  firstRunId: string,
  runId?: string,
): Promise<string[]> {
  try {
    const { searchAttributes, raw } = await temporal.workflow.getHandle(workflowId, runId).describe();
    if (runId === undefined && raw.workflowExecutionInfo?.firstRunId !== firstRunId) return [];
    const valuesOf = ({ name }: { name: string }) => (searchAttributes[name] ?? []).map(String);
    const isThere =
      valuesOf(SEARCH_ATTRIBUTES.account).includes(accountId) &&
      valuesOf(SEARCH_ATTRIBUTES.region).includes(region);
    return isThere ? valuesOf(SEARCH_ATTRIBUTES.resource) : [];
  } catch (error) {
    if (error instanceof WorkflowNotFoundError) return [];
    throw error;
  }
}

const DAY_MS = 86_400_000;

/** An image is copied when its staging image is there, which of large disks takes more than a day. */
const DAYS_UNTIL_COPIED = 3;

async function findInstanceInEvidence(
  { evidence }: ActivityDeps,
  { ImageId, CreationDate }: KnownImage,
  runId: string,
): Promise<string[]> {
  const copiedAt = CreationDate ? Date.parse(CreationDate) : NaN;
  if (Number.isNaN(copiedAt)) return [];
  for (let days = 0; days <= DAYS_UNTIL_COPIED; days += 1) {
    const startedAt = copiedAt - days * DAY_MS;
    const text = await evidence.get(evidenceKey({ workflowType: 'createShareableAmi', runId, startedAt }));
    if (text === undefined) continue;
    const { request, result } = JSON.parse(text) as Partial<Record<string, Record<string, unknown> | null>>;
    return result?.amiId === ImageId && request ? [String(request.instanceId)] : [];
  }
  return [];
}

/** What AWS says that an image was made of, for people. */
export function madeOf({ SourceInstanceId, SourceImageId, SourceImageRegion }: KnownImage): string {
  if (SourceInstanceId) return `it was made of ${SourceInstanceId}`;
  return SourceImageId
    ? `it was copied from ${SourceImageId} in ${SourceImageRegion ?? 'an unknown region'}`
    : 'AWS knows of no source';
}

/**
 * The image that has the name already, when it was made for the same request: a second run takes it over.
 *
 * @throws ApplicationFailure Conflict when the name is taken by anything else
 */
export async function findToTakeOver(
  deps: ActivityDeps,
  target: Target,
  { name, request, kmsKeyId }: Pick<ImagePlan, 'name' | 'request' | 'kmsKeyId'>,
): Promise<string | undefined> {
  const ec2 = deps.aws.ec2(target, 'read');
  const image = await findOwnImage(ec2, { name });
  if (!image) return undefined;
  const where = `the image name ${JSON.stringify(name)} in ${targetKey(target)} is taken by ${image.ImageId}`;
  const marked =
    tagMap(image.Tags)[TAG.request] === request && isOwnImageDescription(image.Description, request);
  if (!marked) throw conflict(`${where}, which was made for something else; give another amiName`);
  if (!(await isMadeFor(deps, target, image, request))) throw notProven(where, image);
  if (!isSound(image)) throw conflict(`${where}, which is ${image.State}; deregister it first`);
  const { snapshots } = await readImageFacts(ec2, image);
  if (image.State === 'available' && kmsKeyId && snapshots.some((each) => each.kmsKeyId !== kmsKeyId))
    throw conflict(`${where}, which is not under ${kmsKeyId}; give another amiName, or deregister it`);
  return image.ImageId;
}

/** Marks can be copied: nothing is shared, and nothing removed, on their word. */
export function notProven(where: string, image: KnownImage): ApplicationFailure {
  return conflict(
    `${where}, which carries the marks of this very request, but nothing proves that it was made for it: ${madeOf(image)}. Nothing was shared; give another amiName, or deregister it where it is of no use`,
  );
}

/**
 * Asked again right before an image is shared, whoever planned it, and however long ago.
 *
 * @throws ApplicationFailure NotShareable, where the image was made of something else than its marks say
 */
export async function requireProven(deps: ActivityDeps, target: Target, amiId: string): Promise<void> {
  const image = await findOwnImage(deps.aws.ec2(target, 'read'), { 'image-id': amiId });
  if (!image) throw notYetVisible(`image ${amiId} does not show yet`);
  const { [TAG.request]: request } = tagMap(image.Tags);
  if (request && (await isMadeFor(deps, target, image, request))) return;
  throw notShareable(
    `image ${amiId} in ${targetKey(target)} carries the marks of request ${request ?? '(none)'}, but nothing proves that it was made for it: ${madeOf(image)}. Nothing was shared`,
  );
}
