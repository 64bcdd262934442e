import {
  createCustomerManagedKeyInput,
  defaultAlias,
  ON_DEMAND_ROTATIONS,
  ROTATION_DAYS,
  type CreateCustomerManagedKeyInput,
  type CreateCustomerManagedKeyResult,
} from '../../model/keys/key';
import type { KeyState } from '../../activities/keys/keys';
import { discardMade, type DiscardedKey } from './discards';
import { refuseReplicas, replicate, requireFreeAliases, verifyReplicas } from './replicas';
import { bringTo, type WantedKey } from './settings';
import { patched } from '@temporalio/workflow';
import { outsideAccessWarning } from '../../model/keys/keyOutsiders';
import { makerOf } from '../support/maker';
import { runOperation, type Run } from '../support/operation';
import { mutate, read, verify } from '../support/options';
import { resolveTarget, refuseOwnAccount } from '../support/target';
import { UndoStack } from '../support/undo';
import { undoAndRethrow } from '../support/undone';

/**
 * Makes a symmetric customer managed key for EBS with an alias and automatic rotation, or brings the key that has
 * the alias to what is asked for. The same alias never makes a second key, also when two runs ask at once; a key
 * whose making failed half-way is scheduled for deletion.
 */
export async function createCustomerManagedKey(
  input: CreateCustomerManagedKeyInput,
): Promise<CreateCustomerManagedKeyResult> {
  return runOperation(createCustomerManagedKeyInput, input, async (request, run) => {
    run.phase('Looking for the key');
    const target = await resolveTarget(request.target);
    run.about({ target });
    refuseOwnAccount('partnerAccounts', request.partnerAccounts, target);
    const alias = request.alias ?? defaultAlias(request.description) ?? '';
    const wanted: WantedKey = { ...request, target, alias, maker: makerOf(request) };
    const existing = await read(`Look for ${alias}`).findKey({ target, alias });
    refuseReplicas(wanted, existing);
    await requireFreeAliases(wanted, existing);
    const undo = new UndoStack();
    const warnings = new Set<string>();
    const warn = (text: string | undefined) => {
      if (text === undefined) return;
      warnings.add(text);
      run.remark(text);
    };
    try {
      const made = existing ? undefined : await makeKey(wanted, run, undo);
      const key = existing ?? (await read(`Read ${alias}`).readKey({ target, keyId: made?.keyId ?? '' }));
      warn(outsideAccessWarning(alias, key, wanted.partnerAccounts));
      if (made) warn(await findKeysLeft(wanted, key.keyId));
      const own = made?.ours ? new UndoStack() : undo;
      const rotation = { enabled: true, periodInDays: periodOf(wanted, key) };
      run.phase('Setting the key up');
      // A key of this run goes as a whole; one that was there gets its settings back.
      const changes = [
        await bringTo(wanted, key, own, rotation),
        await replicate(wanted, key, { run, undo, warn }),
        await rotateNow(wanted, key, run),
      ];
      const changed = changes.includes(true);
      const expected = { target, alias, keyId: key.keyId, partnerAccounts: wanted.partnerAccounts };
      const verified = await verify(`Verify ${alias}`).verifyKey({ ...expected, ...rotation });
      const status = made?.ours ? 'CREATED' : changed ? 'UPDATED' : 'UNCHANGED';
      run.row(alias, status.toLowerCase(), verified.arn);
      run.about({ resources: [key.keyId] });
      const summary = `${alias} is ${verified.arn}, rotating every ${rotation.periodInDays} days (${status})`;
      const replicas = await verifyReplicas(wanted, key);
      const more = { ...verified, replicas, warnings: [...warnings], target };
      return { summary, status, keyId: key.keyId, alias, ...more };
    } catch (error) {
      return undoAndRethrow(error, run, undo);
    }
  });
}

interface MadeKey {
  keyId: string;
  /** False when another run was first with the alias, and its key serves both. */
  ours: boolean;
}

/** Both ask for each key of the account that has no alias, and again after the read lag. */
const MANY_KEYS = { startToCloseTimeout: '10 minutes', heartbeatTimeout: '30 seconds' } as const;

async function makeKey(wanted: WantedKey, run: Run, undo: UndoStack): Promise<MadeKey> {
  const { target, alias } = wanted;
  run.phase('Making the key');
  run.row(alias, 'making');
  const discarded: DiscardedKey = { wanted, sinceMs: Date.now() };
  const discard = () => discardMade(discarded, `Schedule the key of ${alias} for deletion`);
  undo.register(`delete the key made for ${alias}`, discard);
  const made = await mutate(`Make a key for ${alias}`, MANY_KEYS).createKey(wanted);
  discarded.keyId = made;
  const keyId = await mutate(`Name ${made} ${alias}`).claimAlias({ target, alias, keyId: made });
  if (keyId === made) return { keyId, ours: true };
  await discard();
  run.remark(`Another run made ${alias} at the same time: its key ${keyId} is used, and ${made} is deleted.`);
  return { keyId, ours: false };
}

/** A key of a run that was terminated, or somebody's with copied tags: neither is taken, and a person may want it gone. */
async function findKeysLeft({ target, alias }: WantedKey, keyId: string): Promise<string | undefined> {
  if (!patched('names-keys-left')) return undefined;
  const left = await read(`Look for other keys made for ${alias}`, MANY_KEYS).findKeysLeft({
    ...{ target, alias, keyId },
  });
  if (left.length === 0) return undefined;
  return `${left.join(', ')} carry the mark of ${alias}, but nothing proves that this run made them: they are not used. Schedule their deletion where nothing is under them`;
}

/** What was asked for; else the period it has; else a year. */
function periodOf({ rotationDays }: WantedKey, { rotation }: KeyState): number {
  return rotationDays ?? (rotation.enabled ? rotation.periodInDays : ROTATION_DAYS.default);
}

/** New data is under new key material then; what is encrypted stays as it is. */
async function rotateNow(
  { target, alias, rotateNow: asked }: WantedKey,
  { keyId }: KeyState,
  run: Run,
): Promise<boolean> {
  if (!asked) return false;
  const before = await read(`Count the rotations of ${alias}`).countRotations({ target, keyId });
  await mutate(`Rotate ${alias} now`).rotateKeyNow({ target, keyId, before });
  run.remark(
    `${alias} was rotated on demand, time ${before + 1} of the ${ON_DEMAND_ROTATIONS} that KMS allows.`,
  );
  return true;
}
