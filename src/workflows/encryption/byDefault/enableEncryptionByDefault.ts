import {
  enableEncryptionByDefaultInput,
  isSameDefault,
  regionMismatch,
  type EnableEncryptionByDefaultInput,
  type EnableEncryptionByDefaultResult,
  type EncryptionDefaultChange,
} from '../../../model/encryption/encryptionDefault';
import { FAILURE } from '../../../model/failures';
import { listed } from '../../../model/list';
import type { FailedItem } from '../../../model/outcome';
import { targetKey, type Target, type TargetInput } from '../../../model/target';
import { checkKey } from './checkKey';
import { restoreDefault } from './restore';
import { changeEachTarget, setDefault } from './targets';
import { fail, settle } from '../../support/failure';
import { runOperation, type Run } from '../../support/operation';
import { read } from '../../support/options';
import type { UndoStack } from '../../support/undo';

type Keys = Record<string, string>;

/**
 * Turns EBS encryption by default on, with a key of the region, in every target; or, by `restore`, sets targets to what
 * an earlier run found there.
 */
export async function enableEncryptionByDefault(
  input: EnableEncryptionByDefaultInput,
): Promise<EnableEncryptionByDefaultResult> {
  return runOperation(
    enableEncryptionByDefaultInput,
    input,
    async ({ kmsKeyIds = {}, targets, restore }, run) =>
      restore ? restoreDefaults(restore, run) : encryptByDefault(kmsKeyIds, targets, run),
  );
}

async function encryptByDefault(
  kmsKeyIds: Keys,
  asked: TargetInput[] = Object.keys(kmsKeyIds).map((region) => ({ region })),
  run: Run,
): Promise<EnableEncryptionByDefaultResult> {
  const targets = await resolveTargets(asked, run);
  refuseMismatch(kmsKeyIds, targets);
  run.phase('Encrypting by default');
  const warnings: string[] = [];
  // Each has one: see above.
  const all = targets.flatMap((target) => {
    const kmsKeyId = kmsKeyIds[target.region];
    return kmsKeyId === undefined ? [] : { target, kmsKeyId };
  });
  const changes = await changeEachTarget(all, run, async ({ target, kmsKeyId }, undo) => {
    const keyArn = await checkKey(target, kmsKeyId, run, warnings);
    return encryptTargetByDefault(target, keyArn, run, undo);
  });
  for (const warning of warnings) run.remark(warning);
  return settleTargets('EBS encryption by default is on', changes, warnings);
}

async function restoreDefaults(
  changes: EncryptionDefaultChange[],
  run: Run,
): Promise<EnableEncryptionByDefaultResult> {
  await resolveTargets(
    changes.map(({ target }) => target),
    run,
  );
  run.phase('Restoring');
  const warnings: string[] = [];
  const all = await changeEachTarget(changes, run, (change, undo) =>
    restoreDefault(change, run, undo, warnings),
  );
  for (const warning of warnings) run.remark(warning);
  return settleTargets('EBS encryption by default is as it was', all, warnings);
}

async function resolveTargets(asked: TargetInput[], run: Run): Promise<Target[]> {
  run.phase('Resolving targets');
  const targets = await read('Resolve targets').resolveTargets({ targets: asked });
  if (targets.length === 1) run.about({ target: targets[0] });
  return targets;
}

/** Again, now that targets without a region have one. */
function refuseMismatch(kmsKeyIds: Keys, targets: readonly Target[]): void {
  const regions = targets.map(({ region }) => region);
  const problems = regionMismatch(kmsKeyIds, regions).map(({ field, message }) => `${field}: ${message}`);
  if (problems.length > 0) throw fail(FAILURE.invalidInput, problems.join('; '));
}

async function encryptTargetByDefault(
  target: Target,
  keyArn: string,
  run: Run,
  undo: UndoStack,
): Promise<EncryptionDefaultChange> {
  const name = targetKey(target);
  const wanted = { enabled: true, kmsKeyId: keyArn };
  const before = await read(`Read ${name}`).readEncryptionDefault({ target });
  if (isSameDefault(before, wanted)) {
    run.row(name, 'encrypted by default', 'was already');
    return { target, before, after: before };
  }
  const change = await setDefault(target, { before, wanted }, undo);
  run.row(name, 'encrypted by default', keyArn);
  return change;
}

function settleTargets(
  what: string,
  { changed, failed }: { changed: EncryptionDefaultChange[]; failed: FailedItem[] },
  warnings: string[],
): EnableEncryptionByDefaultResult {
  const summary = `${what} in ${changed.length} of ${changed.length + failed.length} targets`;
  return settle(
    { summary, changed: listed(changed), failed: listed(failed), warnings },
    { what: 'targets', succeeded: changed.length, failed: failed.length },
  );
}
