import { EC2Client } from '@aws-sdk/client-ec2';
import {
  CreateAccountCommand,
  CreateOrganizationCommand,
  CreateOrganizationalUnitCommand,
  ListRootsCommand,
  MoveAccountCommand,
  OrganizationsClient,
} from '@aws-sdk/client-organizations';
import { administrator, createRole } from '../../../local/stack/roles';
import type { RunBackupResult } from '../../../src/model/backup/run';
import { FAILURE } from '../../../src/model/failures';
import { scheduleIds } from '../../../src/model/ids';
import type { NormalizedPolicy } from '../../../src/model/policies/policy';
import { HOME_REGION } from '../../support/accounts';
import { expectFailure, failedResult } from '../../support/failure';
import { aVolume } from '../../support/seed';
import { shared } from '../../support/shared';
import { aWorld, type World } from '../../support/world';

const ROLE = 'holdfast-member';

describe('a policy for many accounts', () => {
  let world: World;
  let organizations: OrganizationsClient;
  let root: string;
  const clients: EC2Client[] = [];

  beforeAll(async () => {
    world = await aWorld({ otherAccounts: 1, anyAccount: ROLE });
    organizations = new OrganizationsClient({
      region: HOME_REGION,
      endpoint: shared('awsEndpoint'),
      credentials: world.home.credentials,
    });
    await organizations.send(new CreateOrganizationCommand({ FeatureSet: 'ALL' }));
    const { Roots } = await organizations.send(new ListRootsCommand({}));
    root = Roots?.[0]?.Id ?? '';
  });
  afterAll(async () => {
    for (const client of [organizations, ...clients]) client.destroy();
    await world.close();
  });
  beforeEach(() => world.proxy.reset());

  async function unit(name: string, parent = root): Promise<string> {
    const { OrganizationalUnit } = await organizations.send(
      new CreateOrganizationalUnitCommand({ ParentId: parent, Name: name }),
    );
    return OrganizationalUnit?.Id ?? '';
  }

  /** A member account of a unit, with one volume that the policy selects. */
  async function member(unitId: string, policy: string): Promise<string> {
    const name = `${policy}-${clients.length}`;
    const { CreateAccountStatus } = await organizations.send(
      new CreateAccountCommand({ AccountName: name, Email: `${name}@example.com` }),
    );
    const accountId = CreateAccountStatus?.AccountId ?? '';
    await organizations.send(
      new MoveAccountCommand({ AccountId: accountId, SourceParentId: root, DestinationParentId: unitId }),
    );
    const endpoint = shared('awsEndpoint');
    const credentials = await administrator(endpoint, accountId);
    await createRole(endpoint, credentials, { accountId, name: ROLE, trusts: ['*'] });
    const ec2 = new EC2Client({ region: HOME_REGION, endpoint, credentials });
    clients.push(ec2);
    await aVolume({ ...world.home, ec2: () => ec2 }, { tags: { policy } });
    return accountId;
  }

  const protect = (policyName: string, targets: object[], more: object = {}) =>
    world.start('createBackupPolicy', {
      policyName,
      frequency: '4h',
      retention: '3000d',
      paused: true,
      selector: { tags: { all: { policy: policyName } } },
      targets,
      ...more,
    });
  async function targetsOf(policyName: string): Promise<string[]> {
    const { action } = await world.client.schedule.getHandle(scheduleIds.policy(policyName)).describe();
    const [policy] = ('args' in action ? (action.args ?? []) : []) as NormalizedPolicy[];
    return (policy?.targets ?? []).map(({ accountId }) => accountId);
  }

  it('protects every account of a unit and the units below it, and new ones from their first slot on', async () => {
    const prod = await unit('prod');
    const first = [await member(prod, 'unit'), await member(await unit('eu', prod), 'unit')];
    const input = [{ organizationalUnit: prod, regions: [HOME_REGION] }];
    await (await protect('unit', input)).result();
    expect((await targetsOf('unit')).sort()).toEqual([...first].sort());

    const added = await member(prod, 'unit');
    const run = await world.run<RunBackupResult>('runBackup', { policyName: 'unit' });
    expect(run).toMatchObject({ selected: 3, protected: 3, coverage: 1 });
    expect((await targetsOf('unit')).sort()).toEqual([...first, added].sort());
    // What is made there expires there.
    await world.client.schedule
      .getHandle(scheduleIds.expiry({ accountId: added, region: HOME_REGION }))
      .describe();
    // The same policy, whoever found the account first: a run, or a person who applies it.
    expect(await (await protect('unit', input)).result()).toMatchObject({ status: 'UNCHANGED' });
  });

  it('fails a run for an account that the accounts file does not allow, and protects the others', async () => {
    const prod = await unit('refused');
    const [kept, refused] = [await member(prod, 'refused'), await member(prod, 'refused')];
    await (await protect('refused', [{ organizationalUnit: prod, regions: [HOME_REGION] }])).result();
    const any = world.accounts.accounts['*'];
    delete world.accounts.accounts['*'];
    if (any) world.accounts.accounts[kept] = { ...any, role: `arn:aws:iam::${kept}:role/${ROLE}` };
    try {
      const result = await failedResult<RunBackupResult>(
        world.run('runBackup', { policyName: 'refused' }),
        FAILURE.partialFailure,
      );
      expect(result.protected).toBe(1);
      expect(result.failed.items).toEqual([
        expect.objectContaining({ item: refused, type: FAILURE.targetNotAllowed }),
      ]);
    } finally {
      delete world.accounts.accounts[kept];
      if (any) world.accounts.accounts['*'] = any;
    }
  });

  it('protects the accounts that are known when the organization cannot be asked, and says so', async () => {
    const prod = await unit('silent');
    await member(prod, 'silent');
    await (await protect('silent', [{ organizationalUnit: prod, regions: [HOME_REGION] }])).result();
    world.proxy.fault('ListAccountsForParent', {
      before: { status: 400, code: 'AccessDeniedException', message: 'not you' },
    });
    const result = await failedResult<RunBackupResult>(
      world.run('runBackup', { policyName: 'silent' }),
      FAILURE.partialFailure,
    );
    expect(result).toMatchObject({ protected: 1 });
    expect(result.failed.items).toEqual([
      expect.objectContaining({ item: 'targets', type: FAILURE.accessDenied }),
    ]);
  });

  it('protects every account that the accounts file names, in the regions asked for', async () => {
    await (await protect('all', [{ accounts: 'all', regions: [HOME_REGION] }])).result();
    const named = [world.home.accountId, ...world.others.map(({ accountId }) => accountId)];
    expect((await targetsOf('all')).sort()).toEqual(named.sort());
  });

  it.each([
    [
      'a unit without accounts',
      FAILURE.nothingSelected,
      'no active account',
      (): Promise<string> => unit('empty'),
      {},
    ],
    [
      'a unit that does not exist',
      FAILURE.notFound,
      'ou-abcd-12345678',
      () => Promise.resolve('ou-abcd-12345678'),
      {},
    ],
    [
      'a region that the accounts file does not allow',
      FAILURE.targetNotAllowed,
      'us-west-2',
      async () => {
        const prod: string = await unit('far');
        await member(prod, 'far');
        return prod;
      },
      { regions: ['us-west-2'] },
    ],
  ])('is refused for %s', async (_what, type, message, unitId, more) => {
    const target = { organizationalUnit: await unitId(), ...more };
    expect(await expectFailure((await protect('ill', [target])).result(), type)).toContain(message);
  });

  it.each([
    ['two kinds at once', { accounts: 'all', accountId: '111111111111' }, 'only one of'],
    ['one region for many', { accounts: 'all', region: HOME_REGION }, 'write regions'],
    ['many regions for one', { regions: [HOME_REGION] }, 'write region'],
    ['an unknown word', { accounts: 'some' }, 'write all'],
    ['what is no unit', { organizationalUnit: 'prod' }, 'organizational unit'],
  ])('refuses %s as a target', async (_what, target, message) => {
    const handle = await protect('ill', [target]);
    expect(await expectFailure(handle.result(), FAILURE.invalidInput)).toContain(message);
  });
});
