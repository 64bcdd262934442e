import { anAccount, type TestAccount } from './accounts';
import { shared } from './shared';

/**
 * Accounts of the AWS whose behaviour is tested: fresh ones of the local AWS.
 * What test/aws/as-aws asks of them must hold of the real AWS too.
 */
export async function accountsUnderTest(count = 1): Promise<TestAccount[]> {
  return Promise.all(Array.from({ length: count }, () => anAccount(shared('awsEndpoint'))));
}
