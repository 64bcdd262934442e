import type { ImagePlan } from '../../model/images/image';
import type { Maker } from '../../model/maker';
import { FAILURE } from '../../model/failures';
import {
  copyAmiToPartnerRegionInput,
  type CopyAmiToPartnerRegionInput,
  type SharedImageResult,
} from '../../model/images/share';
import type { Target } from '../../model/target';
import { fail } from '../support/failure';
import { awaitImage, makeImage, readFinished, settleShares, shareImage, warnOfClearDisks } from './images';
import { makerOf } from '../support/maker';
import { runOperation, type Run } from '../support/operation';
import { mutate, read } from '../support/options';
import { resolveTarget, refuseOwnAccount } from '../support/target';
import { UndoStack } from '../support/undo';
import { undoAndRethrow } from '../support/undone';

interface Source {
  source: Target;
  destination: Target;
  amiId: string;
  maker: Maker;
}

/**
 * Copies an own image to another region, under a key of that region, and shares the copy with a partner account
 * there. A copy that cannot be shared is removed again; a second run takes the copy over that is there.
 */
export async function copyAmiToPartnerRegion(input: CopyAmiToPartnerRegionInput): Promise<SharedImageResult> {
  return runOperation(copyAmiToPartnerRegionInput, input, async (request, run) => {
    run.phase('Planning');
    const { amiId, destinationRegion, partnerAccountId, amiName, kmsKeyId } = request;
    const source = await resolveTarget(request.target);
    if (source.region === destinationRegion) {
      throw fail(
        FAILURE.invalidInput,
        `destinationRegion: ${amiId} is in ${destinationRegion} already; name another region`,
      );
    }
    refuseOwnAccount('partnerAccountId', [partnerAccountId], source);
    const destination = await resolveTarget({ accountId: source.accountId, region: destinationRegion });
    run.about({ target: destination, resources: [amiId] });
    const plan = await read(`Plan a copy of ${amiId}`).planImageCopy({
      source,
      destination,
      amiId,
      kmsKeyId,
      ...(amiName !== undefined && { amiName }),
    });
    if (plan.clear && !plan.existing) warnOfClearDisks(run);
    const undo = new UndoStack();
    let result: SharedImageResult;
    try {
      const copy = await obtainCopy({ source, destination, amiId, maker: makerOf(request) }, plan, run, undo);
      run.about({ resources: [amiId, copy] });
      const image = await readFinished(destination, copy, plan);
      const partners = [partnerAccountId];
      result = await shareImage(image, { target: destination, partners, plan, run, undo });
    } catch (error) {
      return undoAndRethrow(error, run, undo);
    }
    return settleShares(result);
  });
}

async function obtainCopy(
  { source, destination, amiId, maker }: Source,
  plan: ImagePlan,
  run: Run,
  undo: UndoStack,
): Promise<string> {
  run.phase('Copying the image');
  if (plan.existing) {
    run.remark(`${plan.existing} is a copy of ${amiId} already: nothing new is made.`);
    await awaitImage(destination, plan.existing, plan.name, run);
    return plan.existing;
  }
  const copy = { ...plan, target: destination, maker, madeOf: { amiId, region: source.region } };
  const made = await makeImage(copy, run, undo, () =>
    mutate(`Copy ${amiId} to ${destination.region}`).copyImage({ ...copy, source, amiId }),
  );
  return made.amiId;
}
