import { FAILURE } from '../../model/failures';
import type { Target, TargetInput } from '../../model/target';
import { fail } from './failure';
import { read } from './options';

/** The one target of a workflow; without a word about it, the worker's own account and region. */
export async function resolveTarget(input: TargetInput | undefined): Promise<Target> {
  const [target] = await read('Resolve the target').resolveTargets({ targets: [input ?? {}] });
  if (!target) throw fail(FAILURE.targetNotAllowed, 'no target is left; see the accounts file');
  return target;
}

/** @throws ApplicationFailure InvalidInput when an account is told to share with itself */
export function refuseOwnAccount(
  field: string,
  accounts: readonly string[] | undefined,
  { accountId }: Target,
): void {
  if (!accounts?.includes(accountId)) return;
  throw fail(FAILURE.invalidInput, `${field}: ${accountId} is the account itself; name other accounts only`);
}
