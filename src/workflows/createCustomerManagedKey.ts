import {
  createCustomerManagedKeyInput,
  defaultAlias,
  ROTATION_DAYS,
  type CreateCustomerManagedKeyInput,
  type CreateCustomerManagedKeyResult,
  type KeyRotation,
} from '../model/key';
import type { Maker } from '../model/maker';
import type { Target } from '../model/target';
import type { Activities } from '../activities';
import type { KeyState } from '../activities/keys';
import { makerOf } from './support/maker';
import { operation, type Run } from './support/operation';
import { mutate, read, undo as undoing, verify } from './support/options';
import { onlyTarget, refuseOwnAccount } from './support/target';
import { UndoStack } from './support/undo';
import { undoAndRethrow } from './support/undone';

interface Wanted {
  target: Target;
  alias: string;
  description: string;
  rotationDays?: number;
  partnerAccounts?: string[];
  maker: Maker;
}

/**
 * Makes a symmetric customer managed key for EBS with an alias and automatic rotation, or brings the key that has
 * the alias to what is asked for. The same alias never makes a second key, also when two runs ask at once; a key
 * whose making failed half-way is scheduled for deletion.
 */
export async function createCustomerManagedKey(
  input: CreateCustomerManagedKeyInput,
): Promise<CreateCustomerManagedKeyResult> {
  return operation(createCustomerManagedKeyInput, input, async (request, run) => {
    run.phase('Looking for the key');
    const target = await onlyTarget(request.target);
    run.about({ target });
    refuseOwnAccount('partnerAccounts', request.partnerAccounts, target);
    const alias = request.alias ?? defaultAlias(request.description) ?? '';
    const wanted: Wanted = { ...request, target, alias, maker: makerOf(request) };
    const existing = await read(`Look for ${alias}`).findKey({ target, alias });
    const undo = new UndoStack();
    try {
      const made = existing ? undefined : await makeKey(wanted, run, undo);
      const key = existing ?? (await read(`Read ${alias}`).readKey({ target, keyId: made?.keyId ?? '' }));
      const rotation = { enabled: true, periodInDays: periodOf(wanted, key) };
      run.phase('Setting the key up');
      // A key of this run goes as a whole; one that was there gets its settings back.
      const changed = await bringTo(wanted, key, rotation, made?.ours ? new UndoStack() : undo);
      const expected = { target, alias, keyId: key.keyId, partnerAccounts: wanted.partnerAccounts };
      const verified = await verify(`Verify ${alias}`).verifyKey({ ...expected, ...rotation });
      const status = made?.ours ? 'CREATED' : changed ? 'UPDATED' : 'UNCHANGED';
      run.row(alias, status.toLowerCase(), verified.arn);
      run.about({ resources: [key.keyId] });
      const summary = `${alias} is ${verified.arn}, rotating every ${rotation.periodInDays} days (${status})`;
      return { summary, status, keyId: key.keyId, alias, ...verified, target };
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

async function makeKey(wanted: Wanted, run: Run, undo: UndoStack): Promise<MadeKey> {
  const { target, alias, maker } = wanted;
  run.phase('Making the key');
  run.row(alias, 'making');
  const discard = () =>
    undoing(`Schedule the key of ${alias} for deletion`).discardKey({ target, alias, runId: maker.runId });
  undo.register(`delete the key made for ${alias}`, discard);
  const made = await mutate(`Make a key for ${alias}`).createKey(wanted);
  const keyId = await mutate(`Name ${made} ${alias}`).claimAlias({ target, alias, keyId: made });
  if (keyId === made) return { keyId, ours: true };
  await discard();
  run.remark(`Another run made ${alias} at the same time: its key ${keyId} is used, and ${made} is deleted.`);
  return { keyId, ours: false };
}

/** What was asked for; else the period it has; else a year. */
function periodOf({ rotationDays }: Wanted, { rotation }: KeyState): number {
  return rotationDays ?? (rotation.enabled ? rotation.periodInDays : ROTATION_DAYS.default);
}

/** Changes what differs from what is wanted; true when something did. */
async function bringTo(
  { target, alias, description, partnerAccounts }: Wanted,
  key: KeyState,
  rotation: KeyRotation,
  undo: UndoStack,
): Promise<boolean> {
  const { keyId } = key;
  const set = async <Value>(
    what: string,
    before: Value,
    after: Value,
    write: (call: Activities, value: Value) => Promise<void>,
  ): Promise<boolean> => {
    if (JSON.stringify(before) === JSON.stringify(after)) return false;
    undo.register(`put the ${what} of ${alias} back`, () =>
      write(undoing(`Put the ${what} of ${alias} back`), before),
    );
    await write(mutate(`Set the ${what} of ${alias}`), after);
    return true;
  };
  const partnersBefore = [...key.partnerAccounts].sort();
  const partners = partnerAccounts ? [...partnerAccounts].sort() : partnersBefore;
  const changes = [
    await set('rotation', key.rotation, rotation, (call, value) =>
      call.setKeyRotation({ target, keyId, rotation: value }),
    ),
    await set('description', key.description, description, (call, value) =>
      call.setKeyDescription({ target, keyId, description: value }),
    ),
    await set('partner accounts', partnersBefore, partners, (call, value) =>
      call.setKeyPartners({ target, keyId, partnerAccounts: value }),
    ),
  ];
  return changes.includes(true);
}
