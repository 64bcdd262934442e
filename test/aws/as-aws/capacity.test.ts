import { randomUUID } from 'node:crypto';
import {
  CancelCapacityReservationCommand,
  CreateCapacityReservationCommand,
  DescribeCapacityReservationsCommand,
  type CreateCapacityReservationCommandInput,
} from '@aws-sdk/client-ec2';
import { HOME_REGION, type TestAccount } from '../../support/accounts';
import { accountsUnderTest } from '../../support/underTest';
import { until } from '../../support/until';

/** https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/ec2-capacity-reservations.html */
describe('capacity reservations', () => {
  let account: TestAccount;

  beforeAll(async () => {
    [account] = (await accountsUnderTest()) as [TestAccount];
  });
  afterAll(() => account.destroy());

  const create = (more: Partial<CreateCapacityReservationCommandInput> = {}) =>
    account.ec2().send(
      new CreateCapacityReservationCommand({
        InstanceType: 't3.micro',
        InstancePlatform: 'Linux/UNIX',
        AvailabilityZone: `${HOME_REGION}a`,
        InstanceCount: 1,
        ...more,
      }),
    );
  const cancel = (CapacityReservationId?: string) =>
    account.ec2().send(new CancelCapacityReservationCommand({ CapacityReservationId }));

  it('are made once for a token, found by tag and cancelled', async () => {
    const ClientToken = randomUUID();
    const Tags = [{ Key: 'for', Value: ClientToken }];
    const asked = {
      ClientToken,
      TagSpecifications: [{ ResourceType: 'capacity-reservation' as const, Tags }],
    };
    const { CapacityReservation: first } = await create(asked);
    const { CapacityReservation: again } = await create(asked);
    expect(again?.CapacityReservationId).toBe(first?.CapacityReservationId);
    expect(first).toMatchObject({ InstanceMatchCriteria: 'open', Tenancy: 'default', TotalInstanceCount: 1 });
    await expect(create({ ...asked, InstanceCount: 2 })).rejects.toMatchObject({
      name: 'IdempotentParameterMismatch',
    });
    const Filters = [{ Name: 'tag:for', Values: [ClientToken] }];
    const found = async () =>
      (await account.ec2().send(new DescribeCapacityReservationsCommand({ Filters }))).CapacityReservations ??
      [];
    await until(async () => (await found())[0]?.State === 'active');
    await cancel(first?.CapacityReservationId);
    await until(async () => (await found())[0]?.State === 'cancelled');
  });

  it('end when they were told to, which lies ahead, and take known platforms only', async () => {
    await expect(
      create({ EndDateType: 'limited', EndDate: new Date('2020-01-01T00:00:00Z') }),
    ).rejects.toThrow();
    await expect(create({ InstancePlatform: 'BeOS' as 'Windows' })).rejects.toThrow();
    const EndDate = new Date('2035-01-01T00:00:00Z');
    const { CapacityReservation: made } = await create({ EndDateType: 'limited', EndDate });
    expect(made).toMatchObject({ EndDateType: 'limited', EndDate });
    await cancel(made?.CapacityReservationId);
  });
});
