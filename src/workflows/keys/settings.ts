import type { KeyRotation } from '../../model/keys/key';
import type { Maker } from '../../model/maker';
import type { Target } from '../../model/target';
import type { Activities } from '../../activities';
import type { KeyState } from '../../activities/keys/keys';
import { mutate, read, undo as undoing } from '../support/options';
import type { UndoStack } from '../support/undo';

/** A key as it is asked for. */
export interface WantedKey {
  target: Target;
  alias: string;
  description: string;
  rotationDays?: number;
  partnerAccounts?: string[];
  users?: string[];
  replicaRegions?: string[];
  rotateNow: boolean;
  maker: Maker;
}

/** Changes what differs from what is wanted; true when something did. */
export async function bringTo(
  { target, alias, description, partnerAccounts, users }: WantedKey,
  key: KeyState,
  undo: UndoStack,
  rotation: KeyRotation = key.rotation,
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
  const usersBefore = key.users && [...key.users].sort();
  const usersWanted = users
    ? await read(`Name the users of ${alias}`).keyUsers({ target, users })
    : usersBefore;
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
    await set('users', usersBefore, usersWanted, (call, value) =>
      call.setKeyUsers({ target, keyId, users: value }),
    ),
  ];
  return changes.includes(true);
}
