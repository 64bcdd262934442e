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
