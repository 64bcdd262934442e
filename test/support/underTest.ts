import { anAccount, type TestAccount } from './accounts';
import { sandboxAccount } from './sandbox';
import { shared } from './shared';

/**
 * Accounts of the AWS whose behaviour is tested: fresh ones of the local AWS, or, in `npm run conformance`, the
 * sandbox accounts. What test/aws/as-aws asks of them must hold of both.
 */
export async function accountsUnderTest(count = 1): Promise<TestAccount[]> {
  const { CONFORMANCE_PROFILES: profiles, CONFORMANCE_TRANSCRIPT: transcript } = process.env;
  if (!profiles || !transcript)
    return Promise.all(Array.from({ length: count }, () => anAccount(shared('awsEndpoint'))));
  const names = profiles.split(',').slice(0, count);
  if (names.length < count) throw new Error(`this needs ${count} sandbox accounts: name as many profiles`);
  return Promise.all(names.map((profile) => sandboxAccount(profile, transcript)));
}
