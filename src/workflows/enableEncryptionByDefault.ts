import { isCancellation } from '@temporalio/workflow';
import {
  enableEncryptionByDefaultInput,
  encryptsUnder,
  regionMismatch,
  type EnableEncryptionByDefaultInput,
  type EncryptionDefaultChange,
} from '../model/encryptionDefault';
import { FAILURE } from '../model/failures';
import { listed, type Listed } from '../model/list';
import type { FailedItem } from '../model/outcome';
import { targetKey, type Target } from '../model/target';
import { fail, failedItem, settle } from './support/failure';
import { operation, type Run } from './support/operation';
import { mutate, read, undo as undoing, verify } from './support/options';
import { UndoStack } from './support/undo';
import { showUndone, undoAndRethrow } from './support/undone';

export interface EnableEncryptionByDefaultResult {
  summary: string;
  changed: Listed<EncryptionDefaultChange>;
  failed: Listed<FailedItem>;
  /** What will hurt although everything asked for happened: groups of Auto Scaling that may not use a key. */
  warnings: string[];
}

/**
 * Turns EBS encryption by default on, with a key of the region, in every target. Targets do not depend on each other:
 * one that fails is put back as it was and reported, and the others go on. A cancelled run puts all of them back.
 */
export async function enableEncryptionByDefault(
  input: EnableEncryptionByDefaultInput,
): Promise<EnableEncryptionByDefaultResult> {
  return operation(enableEncryptionByDefaultInput, input, async (request, run) => {
    run.phase('Resolving targets');
    const { kmsKeyIds } = request;
    const targets = await read('Resolve targets').resolveTargets({
      targets: request.targets ?? Object.keys(kmsKeyIds).map((region) => ({ region })),
    });
    if (targets.length === 1) run.about({ target: targets[0] });
    refuseMismatch(kmsKeyIds, targets);
    run.phase('Encrypting by default');
    for (const target of targets) run.row(targetKey(target), 'waiting');
    const changed: EncryptionDefaultChange[] = [];
    const failed: FailedItem[] = [];
    const warnings: string[] = [];
    const undo = new UndoStack();
    for (const target of targets) {
      const part = new UndoStack();
      try {
        changed.push(await encryptByDefault(target, kmsKeyIds[target.region] ?? '', run, part, warnings));
        undo.absorb(part);
      } catch (error) {
        showUndone(run, await part.unwind());
        if (isCancellation(error)) return undoAndRethrow(error, run, undo);
        const failure = failedItem(targetKey(target), error);
        failed.push(failure);
        run.row(targetKey(target), 'failed', failure.message);
      }
    }
    for (const warning of warnings) run.remark(warning);
    const summary = `EBS encryption by default is on in ${changed.length} of ${targets.length} targets`;
    return settle(
      { summary, changed: listed(changed), failed: listed(failed), warnings },
      { what: 'targets', succeeded: changed.length, failed: failed.length },
    );
  });
}

/** Again, now that targets without a region have one. */
function refuseMismatch(kmsKeyIds: Record<string, string>, targets: readonly Target[]): void {
  const regions = targets.map(({ region }) => region);
  const problems = regionMismatch(kmsKeyIds, regions).map(({ field, message }) => `${field}: ${message}`);
  if (problems.length > 0) throw fail(FAILURE.invalidInput, problems.join('; '));
}

async function encryptByDefault(
  target: Target,
  kmsKeyId: string,
  run: Run,
  undo: UndoStack,
  warnings: string[],
): Promise<EncryptionDefaultChange> {
  const name = targetKey(target);
  run.row(name, 'checking');
  const key = await read(`Check ${kmsKeyId} in ${name}`).requireUsableKey({ target, kmsKeyId });
  const keyArn = key.arn;
  // AWS's own key is open to everybody of the account.
  const warning =
    key.customerManaged &&
    (await read(`Ask for Auto Scaling in ${name}`).autoScalingWarning({ target, keyArn }));
  if (warning) warnings.push(warning);
  const before = await read(`Read ${name}`).readEncryptionDefault({ target });
  if (encryptsUnder(before, keyArn)) {
    run.row(name, 'encrypted by default', 'was already');
    return { target, before, after: before };
  }
  undo.register(`encryption by default in ${name} as before`, () =>
    undoing(`Put ${name} back`).writeEncryptionDefault({ target, ...before }),
  );
  const wanted = { enabled: true, kmsKeyId: keyArn };
  await mutate(`Encrypt by default in ${name}`).writeEncryptionDefault({ target, ...wanted });
  const after = await verify(`Verify ${name}`).verifyEncryptionDefault({ target, keyArn });
  run.row(name, 'encrypted by default', keyArn);
  return { target, before, after };
}
