import { isCancellation } from '@temporalio/workflow';
import type { EncryptionDefault, EncryptionDefaultChange } from '../../../model/encryption/encryptionDefault';
import type { FailedItem } from '../../../model/outcome';
import { targetKey, type Target } from '../../../model/target';
import { failedItem } from '../../support/failure';
import type { Run } from '../../support/operation';
import { mutate, undo as undoing, verify } from '../../support/options';
import { UndoStack } from '../../support/undo';
import { showUndone, undoAndRethrow } from '../../support/undone';

interface Changes {
  changed: EncryptionDefaultChange[];
  failed: FailedItem[];
}

/**
 * Changes one target after the other. They do not depend on each other: one that fails is put back as it was and
 * reported, and the others go on. A cancelled run puts all of them back.
 */
export async function changeEachTarget<Asked extends { target: Target }>(
  all: readonly Asked[],
  run: Run,
  change: (asked: Asked, undo: UndoStack) => Promise<EncryptionDefaultChange>,
): Promise<Changes> {
  const changed: EncryptionDefaultChange[] = [];
  const failed: FailedItem[] = [];
  const undo = new UndoStack();
  for (const { target } of all) run.row(targetKey(target), 'waiting');
  for (const asked of all) {
    const part = new UndoStack();
    try {
      changed.push(await change(asked, part));
      undo.absorb(part);
    } catch (error) {
      showUndone(run, await part.unwind());
      if (isCancellation(error)) return undoAndRethrow(error, run, undo);
      const failure = failedItem(targetKey(asked.target), error);
      failed.push(failure);
      run.row(targetKey(asked.target), 'failed', failure.message);
    }
  }
  return { changed, failed };
}

/** Sets what a target encrypts new volumes with, seen to be so afterwards. */
export async function setDefault(
  target: Target,
  { before, wanted }: { before: EncryptionDefault; wanted: EncryptionDefault },
  undo: UndoStack,
): Promise<EncryptionDefaultChange> {
  const name = targetKey(target);
  undo.register(`encryption by default in ${name} as before`, () =>
    undoing(`Put ${name} back`).writeEncryptionDefault({ target, ...before }),
  );
  await mutate(`Set encryption by default in ${name}`).writeEncryptionDefault({ target, ...wanted });
  const after = await verify(`Verify ${name}`).verifyEncryptionDefault({ target, wanted });
  return { target, before, after };
}
