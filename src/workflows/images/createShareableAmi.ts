import { stagingName, stagingRequest, type ImagePlan } from '../../model/images/image';
import type { Maker } from '../../model/maker';
import { ownDescription, TAG } from '../../model/names';
import {
  createShareableAmiInput,
  type CreateShareableAmiInput,
  type SharedImageResult,
} from '../../model/images/share';
import type { Target } from '../../model/target';
import {
  awaitImage,
  makeImage,
  readFinished,
  settleShares,
  shareImage,
  warnOfClearDisks,
  type ImageJob,
} from './images';
import { makerOf } from '../support/maker';
import { runOperation, type Run } from '../support/operation';
import { mutate, read } from '../support/options';
import { resolveTarget, refuseOwnAccount } from '../support/target';
import { UndoStack } from '../support/undo';
import { undoAndRethrow } from '../support/undone';

interface Source {
  target: Target;
  instanceId: string;
  reboot: boolean;
  maker: Maker;
}

/**
 * Makes an image of an instance that other accounts can really use: under a key that can be shared, with its
 * snapshots and its key. A run that ends before anything is shared leaves no image behind; the same instance under
 * the same name is the same request, and a second run only adds what is missing.
 */
export async function createShareableAmi(input: CreateShareableAmiInput): Promise<SharedImageResult> {
  return runOperation(createShareableAmiInput, input, async (request, run) => {
    run.phase('Planning');
    const { instanceId, amiName, description, kmsKeyId, partnerAccounts: partners } = request;
    const target = await resolveTarget(request.target);
    run.about({ target, resources: [instanceId] });
    refuseOwnAccount('partnerAccounts', partners, target);
    const plan = await read(`Plan an image of ${instanceId}`).planImage({
      target,
      instanceId,
      amiName,
      description,
      kmsKeyId,
    });
    if (plan.clear && !plan.existing) warnOfClearDisks(run);
    const source: Source = { target, instanceId, reboot: request.reboot, maker: makerOf(request) };
    const undo = new UndoStack();
    let result: SharedImageResult;
    try {
      const amiId = await obtainImage(source, plan, run, undo);
      run.about({ resources: [instanceId, amiId] });
      const image = await readFinished(target, amiId, plan);
      result = await shareImage(image, { target, partners, plan, run, undo });
    } catch (error) {
      return undoAndRethrow(error, run, undo);
    }
    return settleShares(result);
  });
}

async function obtainImage(source: Source, plan: ImagePlan, run: Run, undo: UndoStack): Promise<string> {
  const { target, instanceId, maker } = source;
  run.phase('Making the image');
  if (plan.existing) {
    run.remark(`${plan.existing} was made for the same request earlier: nothing new is made.`);
    await awaitImage(target, plan.existing, plan.name, run);
    return plan.existing;
  }
  const image: ImageJob = { ...plan, target, maker, madeOf: { instanceId } };
  if (!plan.reencrypt) return (await makeImage(image, run, undo, () => createImage(source, image))).amiId;
  const staging: ImageJob = {
    target,
    maker,
    request: stagingRequest(plan.request),
    name: stagingName(plan.request, maker.runId),
    description: ownDescription(stagingRequest(plan.request)),
    madeOf: { instanceId },
  };
  const between = await makeImage(staging, run, undo, () => createImage(source, staging));
  run.phase('Encrypting the image');
  const { kmsKeyId } = plan;
  const encrypted: ImageJob = { ...image, madeOf: { amiId: between.amiId, region: target.region } };
  const { amiId } = await makeImage(encrypted, run, undo, () =>
    mutate(`Copy ${between.amiId} under ${kmsKeyId}`).copyImage({
      ...image,
      source: target,
      amiId: between.amiId,
      kmsKeyId,
      tags: { [TAG.sourceInstance]: instanceId },
    }),
  );
  await between.remove();
  return amiId;
}

function createImage({ instanceId, reboot }: Source, image: ImageJob): Promise<string> {
  return mutate(`Make image ${image.name} of ${instanceId}`).createImage({
    ...image,
    instanceId,
    reboot,
    tags: { [TAG.sourceInstance]: instanceId },
  });
}
