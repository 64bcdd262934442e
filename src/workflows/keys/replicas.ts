import { patched, type ApplicationFailure } from '@temporalio/workflow';
import { FAILURE } from '../../model/failures';
import type { KeyReplica } from '../../model/keys/key';
import type { KeyState } from '../../activities/keys/keys';
import { fail } from '../support/failure';
import type { Run } from '../support/operation';
import { mutate, read, verify } from '../support/options';
import { UndoStack } from '../support/undo';
import { outsideAccessWarning } from '../../model/keys/keyOutsiders';
import { discardMade, type DiscardedKey } from './discards';
import { bringTo, type WantedKey } from './settings';

/** KMS makes a key for several regions, or for one for ever. */
export function refuseReplicas(
  { target, alias, replicaRegions = [] }: WantedKey,
  existing: KeyState | undefined,
): void {
  if (replicaRegions.includes(target.region))
    throw fail(
      FAILURE.invalidInput,
      `replicaRegions: ${target.region} is the region of the key itself; leave it out`,
    );
  if (replicaRegions.length > 0 && existing && !existing.replicas)
    throw fail(
      FAILURE.invalidInput,
      `replicaRegions: ${alias} is a key of one region, which KMS cannot change; choose another alias for a new key`,
    );
}

/**
 * Before anything is made: a key that was made in vain lives on for a week at least.
 *
 * @throws ApplicationFailure InvalidInput
 */
export async function requireFreeAliases(
  { target, alias, replicaRegions = [] }: WantedKey,
  existing: KeyState | undefined,
): Promise<void> {
  const isThere = (region: string) => existing?.replicas?.some((replica) => replica.region === region);
  const missing = replicaRegions.filter((region) => !isThere(region));
  if (missing.length === 0 || !patched('aliases-of-replicas-are-looked-for-first')) return;
  for (const region of missing) {
    const name = `${alias} in ${region}`;
    const named = await read(`Look for ${name}`).findKey({ target: { ...target, region }, alias });
    if (named && named.keyId !== existing?.keyId) throw aliasTaken(name, named.keyId);
  }
}

function aliasTaken(name: string, holder: string): ApplicationFailure {
  return fail(
    FAILURE.invalidInput,
    `alias: ${name} names the key ${holder}; choose an alias that is free there too`,
  );
}

interface Replicating {
  run: Run;
  undo: UndoStack;
  warn: (text: string | undefined) => void;
}

/** Makes the replicas that are not there, with the key's alias, and brings all of them to what is asked for. */
export async function replicate(
  wanted: WantedKey,
  key: KeyState,
  { run, undo, warn }: Replicating,
): Promise<boolean> {
  const { target, alias, replicaRegions = [] } = wanted;
  let changed = false;
  for (const region of replicaRegions) {
    const there = { ...wanted, target: { ...target, region } };
    const name = `${alias} in ${region}`;
    const isThere = key.replicas?.some((replica) => replica.region === region) ?? false;
    if (!isThere) {
      run.row(name, 'replicating');
      const discarded: DiscardedKey = { wanted: there, replicaOf: key.keyId, sinceMs: Date.now() };
      let isOurs = true;
      undo.register(`delete the replica ${name}`, async () => {
        // Somebody else was first, and it is theirs.
        if (isOurs) await discardMade(discarded, `Schedule ${name} for deletion`);
      });
      const made = await mutate(`Replicate ${name}`).replicateKey({ ...wanted, keyId: key.keyId, region });
      isOurs = made ?? true;
      if (made) discarded.keyId = key.keyId;
    }
    await verify(`Wait for ${name}`).verifyReplica({ target: there.target, keyId: key.keyId });
    await nameReplica(there, key, name);
    const replica = await read(`Read ${name}`).readKey({ target: there.target, keyId: key.keyId });
    warn(outsideAccessWarning(name, replica, wanted.partnerAccounts));
    const brought = await bringTo(there, replica, isThere ? undo : new UndoStack());
    changed ||= !isThere || brought;
    run.row(name, isThere ? 'there' : 'replicated', replica.arn);
  }
  return changed;
}

async function nameReplica({ target, alias }: WantedKey, { keyId }: KeyState, name: string): Promise<void> {
  const named = await read(`Look for ${name}`).findKey({ target, alias });
  const holder = named?.keyId ?? (await mutate(`Name ${name}`).claimAlias({ target, alias, keyId }));
  if (holder !== keyId) throw aliasTaken(name, holder);
}

/** Those that were there before are told as well. */
export async function verifyReplicas(
  { target, alias, replicaRegions = [] }: WantedKey,
  { keyId, replicas = [] }: KeyState,
): Promise<KeyReplica[]> {
  const regions = [...new Set([...replicas.map(({ region }) => region), ...replicaRegions])].sort();
  return Promise.all(
    regions.map((region) =>
      verify(`Verify ${alias} in ${region}`).verifyReplica({ target: { ...target, region }, keyId }),
    ),
  );
}
