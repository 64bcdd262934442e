import { patched } from '@temporalio/workflow';
import { isSameDefault, type EncryptionDefaultChange } from '../../../model/encryption/encryptionDefault';
import { FAILURE } from '../../../model/failures';
import { targetKey } from '../../../model/target';
import { fail } from '../../support/failure';
import type { Run } from '../../support/operation';
import { read } from '../../support/options';
import type { UndoStack } from '../../support/undo';
import { checkKey } from './checkKey';
import { setDefault } from './targets';

/**
 * Undoes an earlier change, unless somebody has changed the target since: that is not this one's to undo. The way back is
 * checked as the way in: a key that was there before may be disabled or about to be deleted by now.
 */
export async function restoreDefault(
  { target, before: wanted, after: expected }: EncryptionDefaultChange,
  run: Run,
  undo: UndoStack,
  warnings: string[],
): Promise<EncryptionDefaultChange> {
  const name = targetKey(target);
  run.row(name, 'checking');
  const before = await read(`Read ${name}`).readEncryptionDefault({ target });
  if (isSameDefault(before, wanted)) {
    run.row(name, 'restored', 'was so already');
    return { target, before, after: before };
  }
  if (!isSameDefault(before, expected))
    throw fail(
      FAILURE.conflict,
      `${name} is not as that change left it: it has ${JSON.stringify(before)}, which somebody has set since; to set it back all the same, give that as after`,
    );
  if (isChosen(wanted.kmsKeyId) && patched('restore-checks-the-key'))
    await checkKey(target, wanted.kmsKeyId, run, warnings);
  const change = await setDefault(target, { before, wanted }, undo);
  run.row(name, 'restored', JSON.stringify(change.after));
  return change;
}

/** AWS's own key is made by its first use, and nobody can delete it. */
function isChosen(kmsKeyId: string): boolean {
  return kmsKeyId !== '' && kmsKeyId !== 'alias/aws/ebs';
}
