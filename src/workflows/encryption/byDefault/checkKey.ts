import { targetKey, type Target } from '../../../model/target';
import type { Run } from '../../support/operation';
import { read } from '../../support/options';

/**
 * ARN of a key that new volumes of a target can be encrypted under.
 *
 * @param warnings grows by what will hurt although EBS can use the key
 * @throws ApplicationFailure KeyUnusable, saying why
 */
export async function checkKey(
  target: Target,
  kmsKeyId: string,
  run: Run,
  warnings: string[],
): Promise<string> {
  const name = targetKey(target);
  run.row(name, 'checking');
  const key = await read(`Check ${kmsKeyId} in ${name}`).requireUsableKey({ target, kmsKeyId });
  const keyArn = key.arn;
  // AWS's own key is open to everybody of the account.
  const warning =
    key.customerManaged &&
    (await read(`Ask for Auto Scaling in ${name}`).autoScalingWarning({ target, keyArn }));
  if (warning) warnings.push(warning);
  return keyArn;
}
