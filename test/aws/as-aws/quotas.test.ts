import {
  paginateListServiceQuotas,
  ListAWSDefaultServiceQuotasCommand,
  type ServiceQuotasClient,
  type ServiceQuota,
} from '@aws-sdk/client-service-quotas';
import type { TestAccount } from '../../support/accounts';
import { accountsUnderTest } from '../../support/underTest';

/** https://docs.aws.amazon.com/servicequotas/2019-06-24/apireference/API_ListServiceQuotas.html */
describe('quotas of EBS', () => {
  let account: TestAccount;
  let quotas: ServiceQuotasClient;

  beforeAll(async () => {
    [account] = (await accountsUnderTest()) as [TestAccount];
    quotas = account.serviceQuotas();
  });
  afterAll(() => account.destroy());

  it('are listed by code, with what applies to the account', async () => {
    const listed: ServiceQuota[] = [];
    const pages = paginateListServiceQuotas({ client: quotas, pageSize: 5 }, { ServiceCode: 'ebs' });
    for await (const { Quotas = [] } of pages) listed.push(...Quotas);
    const gp3 = listed.find(({ QuotaCode }) => QuotaCode === 'L-7A658B76');
    expect(gp3).toMatchObject({
      QuotaName: 'Storage for General Purpose SSD (gp3) volumes, in TiB',
      ServiceCode: 'ebs',
      Adjustable: true,
    });
    expect(gp3?.Value).toBeGreaterThan(0);
  });

  it('have defaults', async () => {
    const all = new ListAWSDefaultServiceQuotasCommand({ ServiceCode: 'ebs', MaxResults: 100 });
    const { Quotas = [] } = await quotas.send(all);
    expect(Quotas.find(({ QuotaCode }) => QuotaCode === 'L-309BACF6')?.Value).toBe(100_000);
  });
});
