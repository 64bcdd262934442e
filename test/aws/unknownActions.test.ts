import { DescribeFastLaunchImagesCommand } from '@aws-sdk/client-ec2';
import { anAccount } from '../support/accounts';
import { shared } from '../support/shared';

describe('an action that the local AWS does not know', () => {
  it('is an InvalidAction in the format of AWS, and no HTML page', async () => {
    const account = await anAccount(shared('awsEndpoint'));
    const call = account.ec2().send(new DescribeFastLaunchImagesCommand({}));
    await expect(call).rejects.toMatchObject({ name: 'InvalidAction' });
    account.destroy();
  });
});

/** https://smithy.io/2.0/aws/protocols/aws-restjson1-protocol.html#operation-error-serialization */
describe('a call of a service that speaks JSON, which the local AWS does not know', () => {
  it.each([
    ['backup', 'GET', '/no-such-path'],
    ['rbin', 'POST', '/list-rules'],
  ])('of %s: %s %s is refused in JSON', async (service, method, path) => {
    const scope = `bench/20260101/us-east-1/${service}/aws4_request`;
    const answer = await fetch(`${shared('awsEndpoint')}${path}`, {
      method,
      headers: {
        Authorization: `AWS4-HMAC-SHA256 Credential=${scope}, SignedHeaders=host, Signature=0`,
        'Content-Type': 'application/json',
      },
    });
    expect(answer.headers.get('content-type')).toMatch(/json/);
    expect(answer.headers.get('x-amzn-errortype')).toBe('UnknownOperationException');
    expect(await answer.json()).toMatchObject({ __type: 'UnknownOperationException' });
  });
});
