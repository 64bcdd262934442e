import { patched } from '@temporalio/workflow';
import {
  isEncrypted,
  keysOf,
  snapshotsNotUnder,
  UNENCRYPTED_WARNING,
  type ImageFacts,
  type ImagePlan,
  type ImageSource,
} from '../../model/images/image';
import { FAILURE } from '../../model/failures';
import { listed } from '../../model/list';
import type { Maker } from '../../model/maker';
import type { FailedItem } from '../../model/outcome';
import type { SharedImageResult } from '../../model/images/share';
import type { Target } from '../../model/target';
import { fail, settle } from '../support/failure';
import type { Run } from '../support/operation';
import { mutate, read, undo as undoing, wait } from '../support/options';
import { shareWithEach } from './sharing';
import type { UndoStack } from '../support/undo';
import { showUndone } from '../support/undone';

/** One image that is made under one request. */
export interface ImageJob {
  target: Target;
  request: string;
  name: string;
  description: string;
  maker: Maker;
  madeOf: ImageSource;
}

export interface MadeByRun {
  amiId: string;
  /** Removes it again: an image that only stood in between. */
  remove(): Promise<void>;
}

/** Makes an image with `make` and waits for it; the undo is registered first, and takes this run's image only. */
export async function makeImage(
  job: ImageJob,
  run: Run,
  undo: UndoStack,
  make: () => Promise<string>,
): Promise<MadeByRun> {
  const { target, name } = job;
  const made: Recorded = { sinceMs: Date.now(), snapshotIds: [] };
  undo.register(`image ${name} and its snapshots`, () =>
    removeMade(job, made, undoing, `Remove image ${name}`),
  );
  run.row(name, 'being made');
  const amiId = await make();
  made.amiId = amiId;
  await awaitImage(target, amiId, name, run);
  const remove = async () => {
    await removeMade(job, made, mutate, `Remove ${name}`);
    run.row(name, 'removed');
  };
  return { amiId, remove };
}

/** What a run knows of an image that it makes. */
interface Recorded {
  /** When it began to make it. */
  sinceMs: number;
  /** Missing while the answer is awaited, and where it was lost. */
  amiId?: string;
  /** Known before the image goes, and with it what says which they are. */
  snapshotIds: string[];
}

async function removeMade(
  { target, request, name, madeOf, maker: { runId } }: ImageJob,
  made: Recorded,
  call: typeof mutate,
  summary: string,
): Promise<void> {
  if (!patched('removes-images-by-id')) {
    await call(summary).removeImages({ target, request, runId });
    return;
  }
  const { sinceMs, amiId: recorded } = made;
  const look = { target, name, request, madeOf, runId, sinceMs, ...(recorded && { amiId: recorded }) };
  const found = await call(`Look for image ${name}`).findMadeImage(look);
  if (found) Object.assign(made, found);
  // Somebody's of the same request was taken over, or none was made.
  else if (made.snapshotIds.length === 0) return;
  const { amiId, snapshotIds } = made;
  if (amiId) await call(summary).removeMadeImage({ target, runId, amiId, snapshotIds });
}

export async function awaitImage(target: Target, amiId: string, name: string, run: Run): Promise<void> {
  run.row(name, 'pending', amiId);
  await wait(`Wait for ${amiId} (${name})`).waitForImages({ target, amiIds: [amiId] });
  run.row(name, 'available', amiId);
}

/** Reads the finished image, and refuses one that AWS put under another key than was asked for. */
export async function readFinished(target: Target, amiId: string, plan: ImagePlan): Promise<ImageFacts> {
  const image = await read(`Read ${amiId}`).readImage({ target, amiId });
  const wrong = snapshotsNotUnder(image, plan.kmsKeyId);
  if (wrong.length === 0) return image;
  const found = wrong.map(({ snapshotId, kmsKeyId }) => `${snapshotId} (${kmsKeyId ?? 'not encrypted'})`);
  throw fail(
    FAILURE.resourceFailed,
    `image ${amiId}: expected every snapshot under ${plan.kmsKeyId}, but not ${found.join(', ')}`,
  );
}

/**
 * Shares the finished image. When nobody can use it, it is removed again, unless it was there before this run.
 * The result goes to {@link settleShares}, after the last point where a failure undoes everything.
 */
export async function shareImage(
  image: ImageFacts,
  { target, partners, plan, run, undo }: Sharing,
): Promise<SharedImageResult> {
  run.phase('Sharing');
  const { amiId, snapshots } = image;
  const snapshotIds = snapshots.map(({ snapshotId }) => snapshotId);
  const shared = { amiId, snapshotIds, kmsKeyIds: keysOf(image) };
  const { sharedWith, failed } = await shareWithEach(partners, target, shared, run, undo);
  const encrypted = isEncrypted(image);
  const warnings = encrypted ? [] : [UNENCRYPTED_WARNING];
  if (!encrypted) warnOfClearDisks(run);
  const removed =
    sharedWith.length === 0 && !plan.existing && (await removeUnshared(image, run, undo, warnings));
  const summary = removed
    ? `${amiId} (${image.name}) could be shared with none of ${partners.length} accounts and was removed again`
    : `${amiId} (${image.name}) in ${target.region} is shared with ${sharedWith.length} of ${partners.length} accounts`;
  run.remark(summary);
  return {
    summary,
    success: failed.length === 0,
    amiId: removed ? '' : amiId,
    name: image.name,
    region: target.region,
    target,
    encrypted,
    ...(encrypted && shared.kmsKeyIds.length === 1 && { kmsKeyId: shared.kmsKeyIds[0] }),
    snapshots: listed(removed ? [] : snapshotIds),
    sharedWith: listed(sharedWith),
    failed: listed<FailedItem>(failed),
    warnings,
  };
}

/** @throws ApplicationFailure PartialFailure or AllFailed with the result as details */
export function settleShares(result: SharedImageResult): SharedImageResult {
  const { sharedWith, failed } = result;
  return settle(result, { what: 'partner accounts', succeeded: sharedWith.total, failed: failed.total });
}

/** Loud, before anything is shared: an unencrypted image cannot be taken back once a partner has copied it. */
export function warnOfClearDisks(run: Run): void {
  run.remark(`**${UNENCRYPTED_WARNING}**`);
}

export interface Sharing {
  target: Target;
  partners: string[];
  plan: ImagePlan;
  run: Run;
  undo: UndoStack;
}

/** False, with a warning, when it could not be removed. */
async function removeUnshared(
  image: ImageFacts,
  run: Run,
  undo: UndoStack,
  warnings: string[],
): Promise<boolean> {
  const report = await undo.unwind();
  showUndone(run, report);
  for (const { message } of report.failed)
    warnings.push(`${image.amiId} could not be removed, do it by hand: ${message}`);
  return report.failed.length === 0;
}
