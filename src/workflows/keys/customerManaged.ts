import { FAILURE } from '../../model/failures';
import type { Target } from '../../model/target';
import { fail } from '../support/failure';
import { read } from '../support/options';

/**
 * The ARN of a key that EBS can use. Nothing under `aws/ebs` can be shared or copied elsewhere, so moving there would be
 * moving twice.
 *
 * @throws ApplicationFailure KeyUnusable, saying why
 */
export async function requireCustomerManagedKey(target: Target, kmsKeyId: string): Promise<string> {
  const key = await read(`Check ${kmsKeyId}`).requireUsableKey({ target, kmsKeyId });
  if (key.customerManaged) return key.arn;
  throw fail(
    FAILURE.keyUnusable,
    `kmsKeyId: ${kmsKeyId} is managed by AWS; use a customer managed key: createCustomerManagedKey makes one`,
  );
}
