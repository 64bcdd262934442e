import { planCapacity, type CapacityFacts } from '../../../src/model/machines/capacity';

const facts = (more: Partial<CapacityFacts> = {}): CapacityFacts => ({
  instanceType: 'm5.large',
  zone: 'eu-west-1a',
  platformDetails: 'Linux/UNIX',
  tenancy: 'default',
  hasReservation: false,
  ...more,
});

describe('a capacity reservation', () => {
  it('is of the machine’s own kind', () => {
    expect(planCapacity(facts({ tenancy: 'dedicated', preference: 'open' }))).toEqual({
      kind: 'reserve',
      instanceType: 'm5.large',
      platform: 'Linux/UNIX',
      zone: 'eu-west-1a',
      tenancy: 'dedicated',
    });
  });

  it.each([
    ['Windows', 'Windows'],
    ['Windows with SQL Server Web', 'Windows with SQL Server Web'],
    ['SQL Server Standard', 'Linux with SQL Server Standard'],
    ['Red Hat Enterprise Linux with HA', 'RHEL with HA'],
    ['Red Hat Enterprise Linux with SQL Server Enterprise', 'RHEL with SQL Server Enterprise'],
    ['Red Hat Enterprise Linux with SQL Server Standard and HA', 'RHEL with HA and SQL Server Standard'],
    ['Ubuntu Pro Linux', 'Ubuntu Pro'],
  ])('of %s is of %s', (platformDetails, platform) => {
    expect(planCapacity(facts({ platformDetails }))).toMatchObject({ kind: 'reserve', platform });
  });

  it.each<[Partial<CapacityFacts>, string, RegExp]>([
    [{ tenancy: 'host' }, 'needless', /Dedicated Host/],
    [{ hasReservation: true, preference: 'none' }, 'needless', /of its own/],
    [{ preference: 'none' }, 'impossible', /would not use a reservation; or leave reserveCapacity out/],
    [{ placementGroup: 'pg' }, 'impossible', /placement group pg/],
    [{ platformDetails: 'Windows BYOL' }, 'impossible', /Windows BYOL/],
  ])('of %j is %s', (more, kind, why) => {
    expect(planCapacity(facts(more))).toMatchObject({ kind, why: expect.stringMatching(why) as string });
  });
});
