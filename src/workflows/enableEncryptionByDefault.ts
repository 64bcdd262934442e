import {
  enableEncryptionByDefaultInput,
  type EnableEncryptionByDefaultInput,
  type EncryptionDefaultChange,
} from '../model/encryptionDefault';
import { listed, type Listed } from '../model/list';
import type { FailedItem } from '../model/outcome';
import { targetKey, type Target } from '../model/target';
import { failedItem, settle } from './support/failure';
import { operation, type Run } from './support/operation';
import { mutate, read } from './support/options';
import { UndoStack } from './support/undo';

export interface EnableEncryptionByDefaultResult {
  summary: string;
  changed: Listed<EncryptionDefaultChange>;
  failed: Listed<FailedItem>;
}

/**
 * Turns EBS encryption by default on, with a customer managed key, in every target. Targets do not depend on each
 * other; one that fails is put back as it was and reported.
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
    run.phase('Encrypting by default');
    const changed: EncryptionDefaultChange[] = [];
    const failed: FailedItem[] = [];
    for (const target of targets) {
      try {
        changed.push(await encryptByDefault(target, kmsKeyIds[target.region] ?? '', run));
      } catch (error) {
        const failure = failedItem(targetKey(target), error);
        failed.push(failure);
        run.row(targetKey(target), 'failed', failure.message);
      }
    }
    const summary = `EBS encryption by default is on in ${changed.length} of ${targets.length} targets`;
    return settle(
      { summary, changed: listed(changed), failed: listed(failed) },
      { what: 'targets', succeeded: changed.length, failed: failed.length },
    );
  });
}

async function encryptByDefault(
  target: Target,
  kmsKeyId: string,
  run: Run,
): Promise<EncryptionDefaultChange> {
  const name = targetKey(target);
  run.row(name, 'checking');
  const key = await read(`Check ${kmsKeyId} in ${name}`).requireUsableKey({ target, kmsKeyId });
  const before = await read(`Read ${name}`).readEncryptionDefault({ target });
  const undo = new UndoStack();
  undo.register(`put ${name} back`, () =>
    mutate(`Put ${name} back`).writeEncryptionDefault({ target, ...before }),
  );
  try {
    await mutate(`Encrypt by default in ${name}`).writeEncryptionDefault({
      target,
      enabled: true,
      kmsKeyId: key.arn,
    });
    const after = await read(`Verify ${name}`).readEncryptionDefault({ target });
    run.row(name, 'encrypted by default', key.arn);
    return { target, before, after };
  } catch (error) {
    await undo.unwind();
    throw error;
  }
}
