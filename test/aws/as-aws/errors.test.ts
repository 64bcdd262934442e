import { DescribeVolumesCommand } from '@aws-sdk/client-ec2';
import { DescribeKeyCommand } from '@aws-sdk/client-kms';
import type { TestAccount } from '../../support/accounts';
import { accountsUnderTest } from '../../support/underTest';

/** https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html */
describe('errors', () => {
  let account: TestAccount;

  beforeAll(async () => {
    [account] = (await accountsUnderTest()) as [TestAccount];
  });
  afterAll(() => account.destroy());

  it.each([
    [
      'InvalidVolume.NotFound',
      () => account.ec2().send(new DescribeVolumesCommand({ VolumeIds: ['vol-0123456789abcdef0'] })),
    ],
    [
      'NotFoundException',
      () => account.kms().send(new DescribeKeyCommand({ KeyId: '11111111-2222-3333-4444-555555555555' })),
    ],
  ])('name what is wrong: %s', async (name, call) => {
    await expect(call()).rejects.toMatchObject({ name });
  });
});
