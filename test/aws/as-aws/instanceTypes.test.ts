import { DescribeInstanceTypesCommand } from '@aws-sdk/client-ec2';
import type { TestAccount } from '../../support/accounts';
import { accountsUnderTest } from '../../support/underTest';

/** https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeInstanceTypes.html */
describe('instance types', () => {
  let account: TestAccount;

  beforeAll(async () => {
    [account] = (await accountsUnderTest()) as [TestAccount];
  });
  afterAll(() => account.destroy());

  it('say whether they come with instance store volumes, and how large those are', async () => {
    const { InstanceTypes = [] } = await account
      .ec2()
      .send(new DescribeInstanceTypesCommand({ InstanceTypes: ['m5d.large', 't3.micro'] }));
    const stores = InstanceTypes.map(({ InstanceType, InstanceStorageSupported, InstanceStorageInfo }) => [
      InstanceType,
      InstanceStorageSupported,
      InstanceStorageInfo?.TotalSizeInGB,
      InstanceStorageInfo?.NvmeSupport,
    ]);
    expect(stores.sort()).toEqual([
      ['m5d.large', true, 75, 'required'],
      ['t3.micro', false, undefined, undefined],
    ]);
  });
});
