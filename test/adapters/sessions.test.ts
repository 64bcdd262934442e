import { DeleteVolumeCommand, DescribeVolumesCommand } from '@aws-sdk/client-ec2';
import { ListKeysCommand } from '@aws-sdk/client-kms';
import { CancelledFailure } from '@temporalio/common';
import { MockActivityEnvironment } from '@temporalio/testing';
import { DefaultLogger } from '@temporalio/worker';
import type { AccountsFile } from '../../src/aws/accounts';
import { withFailures } from '../../src/aws/failures';
import type { CallObserver } from '../../src/aws/instrument';
import { RateBudget } from '../../src/aws/rateBudget';
import { AwsSessions } from '../../src/aws/sessions';
import { anAccount, HOME_REGION, type TestAccount } from '../support/accounts';
import { AwsProxy } from '../support/awsProxy';
import { createRole, roleArn } from '../../local/stack/roles';
import { shared } from '../support/shared';
import { awsEnvironment } from '../support/world';

describe('AwsSessions', () => {
  let home: TestAccount;
  let other: TestAccount;
  let proxy: AwsProxy;
  let sessions: AwsSessions;
  const opened: AwsSessions[] = [];

  const roleOf = ({ accountId }: TestAccount, name: string) => roleArn(accountId, name);
  const at = ({ accountId }: TestAccount, region = HOME_REGION) => ({ accountId, region });
  const open = (
    accounts?: AccountsFile['accounts'],
    more: { budget?: RateBudget; observer?: CallObserver } = {},
  ) => {
    sessions = new AwsSessions({ region: HOME_REGION, ...(accounts && { accounts: { accounts } }), ...more });
    opened.push(sessions);
  };
  const describeVolumes = (account: TestAccount, region = HOME_REGION, VolumeIds?: string[]) =>
    withFailures({
      describe: async () =>
        sessions.ec2(at(account, region), 'read').send(new DescribeVolumesCommand({ VolumeIds })),
    }).describe();

  beforeAll(async () => {
    const upstream = shared('awsEndpoint');
    [home, other, proxy] = await Promise.all([
      anAccount(upstream),
      anAccount(upstream),
      AwsProxy.start(upstream),
    ]);
    const trusts = [home.accountId];
    const { accountId, credentials } = other;
    for (const name of ['reader', 'writer'])
      await createRole(upstream, credentials, { accountId, name, trusts, externalId: 'agreed' });
    await createRole(upstream, credentials, { accountId, name: 'all', trusts });
    Object.assign(process.env, awsEnvironment(home, proxy.endpoint));
  });

  beforeEach(() => proxy.reset());

  afterAll(async () => {
    for (const each of opened) each.destroy();
    home.destroy();
    other.destroy();
    await proxy.stop();
  });

  describe('roles', () => {
    it('assumes the role of each capability once, with the external id', async () => {
      const roles = { read: roleOf(other, 'reader'), backup: roleOf(other, 'writer') };
      open({ [other.accountId]: { regions: [HOME_REGION, 'eu-west-1'], externalId: 'agreed', roles } });
      await describeVolumes(other);
      await describeVolumes(other, 'eu-west-1');
      await sessions.kms(at(other), 'read').send(new ListKeysCommand({}));
      await sessions.ec2(at(other), 'backup').send(new DescribeVolumesCommand({}));
      expect(proxy.callsOf('AssumeRole').map(({ params }) => [params.RoleArn, params.ExternalId])).toEqual([
        [roles.read, 'agreed'],
        [roles.backup, 'agreed'],
      ]);
    });

    it('uses role for every capability', async () => {
      open({ [other.accountId]: { regions: [HOME_REGION], role: roleOf(other, 'all') } });
      await describeVolumes(other);
      await sessions.ec2(at(other), 'retention').send(new DescribeVolumesCommand({}));
      expect(proxy.callsOf('AssumeRole').map(({ params }) => params.RoleArn)).toEqual([roleOf(other, 'all')]);
    });

    it('names the run in the sessions of what changes something, and shares those of reads', async () => {
      const roles = { read: roleOf(other, 'reader'), backup: roleOf(other, 'writer') };
      open({ [other.accountId]: { regions: [HOME_REGION], externalId: 'agreed', roles } });
      const inRun = (runId: string, capability: 'read' | 'backup') =>
        new MockActivityEnvironment({ workflowExecution: { workflowId: 'w', runId } }).run(() =>
          sessions.ec2(at(other), capability).send(new DescribeVolumesCommand({})),
        );
      await Promise.all([inRun('run-1', 'backup'), inRun('run-2', 'backup')]);
      await Promise.all([inRun('run-1', 'backup'), inRun('run-1', 'read'), inRun('run-2', 'read')]);
      const named = proxy
        .callsOf('AssumeRole')
        .map(({ params }) => `${String(params.RoleArn).split('/')[1]} ${String(params.RoleSessionName)}`);
      expect(named.filter((name) => name.startsWith('writer')).sort()).toEqual([
        'writer holdfast-run-1',
        'writer holdfast-run-2',
      ]);
      expect(named.filter((name) => name.startsWith('reader'))).toEqual(['reader holdfast']);
    });

    it('signs what runs do at the same time with the session of each', async () => {
      const role = roleOf(other, 'all');
      open({ [other.accountId]: { regions: [HOME_REGION], role } });
      const whoIs = async (runId: string) => {
        const keyId = new Map<string, string>();
        await new MockActivityEnvironment({ workflowExecution: { workflowId: 'w', runId } }).run(async () => {
          const ec2 = sessions.ec2(at(other), 'migrate');
          ec2.middlewareStack.add(
            (next) => (args) => {
              const { headers } = (args as { request: { headers: Record<string, string> } }).request;
              keyId.set(runId, /Credential=([^/]+)/.exec(headers.authorization ?? '')?.[1] ?? '');
              return next(args);
            },
            { step: 'deserialize', priority: 'low', name: `seen-${runId}`, override: true },
          );
          await ec2.send(new DescribeVolumesCommand({}));
          ec2.middlewareStack.remove(`seen-${runId}`);
        });
        return keyId.get(runId);
      };
      const [one, other1] = [await whoIs('run-1'), await whoIs('run-2')];
      expect(one).toBeTruthy();
      expect(other1).toBeTruthy();
      expect(one).not.toBe(other1);
      expect(await whoIs('run-1')).toBe(one);
    });

    it('hands out the same client again', () => {
      open({ [other.accountId]: { regions: [HOME_REGION], role: roleOf(other, 'all') } });
      expect(sessions.ec2(at(other), 'read')).toBe(sessions.ec2(at(other), 'read'));
    });
  });

  describe('refuses what the accounts file does not allow', () => {
    it('an account without entry, before any call', async () => {
      open({ [home.accountId]: { regions: [HOME_REGION] } });
      await expect(describeVolumes(other)).rejects.toMatchObject({
        type: 'TargetNotAllowed',
        nonRetryable: true,
      });
      await expect(sessions.resolve([{ accountId: other.accountId }])).rejects.toThrow('HOLDFAST_ACCOUNTS');
      expect(proxy.calls).toEqual([]);
    });

    it('a region that the entry does not list, before any call', async () => {
      open({ [home.accountId]: { regions: [HOME_REGION] } });
      await expect(describeVolumes(home, 'eu-west-1')).rejects.toMatchObject({ type: 'TargetNotAllowed' });
      expect(proxy.calls).toEqual([]);
    });

    it('a capability without role, instead of falling back to other credentials', async () => {
      open({ [other.accountId]: { regions: [HOME_REGION], roles: { backup: roleOf(other, 'writer') } } });
      await expect(describeVolumes(other)).rejects.toThrow('add roles.read to its entry');
      expect(proxy.calls).toEqual([]);
    });

    it('an entry without role that is not the own account, before any EC2 call', async () => {
      open({ [other.accountId]: { regions: [HOME_REGION] } });
      await expect(describeVolumes(other)).rejects.toThrow(`belong to account ${home.accountId}`);
      expect(proxy.calls.map(({ action }) => action)).toEqual(['GetCallerIdentity']);
    });

    it('any other account, when there is no file', async () => {
      open();
      await expect(describeVolumes(other)).rejects.toMatchObject({ type: 'TargetNotAllowed' });
      await expect(sessions.resolve([at(other)])).rejects.toMatchObject({ type: 'TargetNotAllowed' });
      await describeVolumes(home);
      expect(proxy.callsOf('DescribeVolumes')).toHaveLength(1);
    });
  });

  it('resolves targets: fills in the own account and region, and drops doubles', async () => {
    open();
    expect(await sessions.resolve(undefined)).toEqual([at(home)]);
    const targets = [{}, { region: 'eu-west-1' }, at(home), { accountId: home.accountId }];
    expect(await sessions.resolve(targets)).toEqual([at(home), at(home, 'eu-west-1')]);
    expect(proxy.callsOf('GetCallerIdentity')).toHaveLength(1);
  });

  describe('failures', () => {
    it('a refusal names role, action, resource and fix', async () => {
      const role = roleOf(other, 'all');
      open({ [other.accountId]: { regions: [HOME_REGION], role } });
      proxy.fault('DescribeVolumes', {
        before: { code: 'UnauthorizedOperation', message: 'no', status: 403 },
      });
      const volumes = ['vol-1', 'vol-2', 'vol-3', 'vol-4'];
      await expect(describeVolumes(other, HOME_REGION, volumes)).rejects.toMatchObject({
        type: 'AccessDenied',
        nonRetryable: true,
        message: `ec2:DescribeVolumes in ${other.accountId}/${HOME_REGION}: UnauthorizedOperation: no. It was called on vol-1, vol-2, vol-3 and 1 more as ${role}; allow ec2:DescribeVolumes there (and in the key policy, if a KMS key is named), then run this again`,
      });
    });

    it('a role that cannot be assumed is named, and its external id is not', async () => {
      const role = roleOf(other, 'reader');
      open({ [other.accountId]: { regions: [HOME_REGION], role, externalId: 'agreed-secret' } });
      proxy.fault('AssumeRole', { before: { code: 'AccessDenied', message: 'no', status: 403 } });
      const refused = describeVolumes(other);
      await expect(refused).rejects.toMatchObject({ type: 'AccessDenied', nonRetryable: true });
      await expect(refused).rejects.toThrow(
        `sts:AssumeRole in the worker’s account/${HOME_REGION}: AccessDenied: no. It was called on ${role} as the worker’s own credentials; allow the worker's credentials sts:AssumeRole on ${role}`,
      );
      await expect(refused).rejects.not.toThrow('agreed-secret');
    });

    const fault = { before: { code: 'InternalError', status: 500 } };

    it('what changes something is called once, by the SDK and by Holdfast', async () => {
      open();
      proxy.fault('DeleteVolume', fault, 1);
      const { remove } = withFailures({
        remove: () =>
          sessions
            .ec2(at(home), 'backup')
            .send(new DeleteVolumeCommand({ VolumeId: 'vol-0123456789abcdef0' })),
      });
      await expect(remove()).rejects.toMatchObject({ type: 'ServiceError', nonRetryable: false });
      expect(proxy.callsOf('DeleteVolume')).toHaveLength(1);
    });

    it('a read is asked again in place, a few times', async () => {
      open();
      proxy.fault('DescribeVolumes', fault, [1, 2]);
      await expect(describeVolumes(home)).resolves.toBeDefined();
      expect(proxy.callsOf('DescribeVolumes')).toHaveLength(3);
      proxy.fault('DescribeVolumes', fault);
      await expect(describeVolumes(home)).rejects.toMatchObject({
        type: 'ServiceError',
        nonRetryable: false,
      });
      expect(proxy.callsOf('DescribeVolumes')).toHaveLength(6);
    });

    it('a read that is refused is not', async () => {
      open();
      proxy.fault('DescribeVolumes', { before: { code: 'UnauthorizedOperation', status: 403 } });
      await expect(describeVolumes(home)).rejects.toMatchObject({ type: 'AccessDenied' });
      expect(proxy.callsOf('DescribeVolumes')).toHaveLength(1);
    });
  });

  it('tells the observer of calls, throttles and waits, and slows down after a throttle', async () => {
    const seen: string[] = [];
    const observer: CallObserver = {
      called: ({ action }, outcome) => seen.push(`${action} ${outcome}`),
      throttled: ({ action }) => seen.push(`${action} throttled`),
      waited: ({ action }, waitMs) => seen.push(`${action} waited ${waitMs > 0 && waitMs <= 500}`),
    };
    open(undefined, { budget: new RateBudget({ share: 0.5 }), observer });
    proxy.fault('DescribeVolumes', { before: { code: 'RequestLimitExceeded', status: 503 } }, 1);
    await describeVolumes(home);
    expect(seen).toEqual([
      'GetCallerIdentity ok',
      'DescribeVolumes throttled',
      'DescribeVolumes Throttled',
      'DescribeVolumes waited true',
      'DescribeVolumes ok',
    ]);
  });

  describe('a call that has to wait for the budget', () => {
    const inActivity = (info: ConstructorParameters<typeof MockActivityEnvironment>[0]) => {
      const activity = new MockActivityEnvironment(info, { logger: new DefaultLogger('ERROR') });
      return { activity, done: activity.run(() => describeVolumes(home)) };
    };

    beforeEach(async () => {
      open(undefined, { budget: new RateBudget({ share: 0.02 }) });
      await describeVolumes(home);
      proxy.reset();
    });

    it('is not made when its attempt would end first: Temporal retries when there is room', async () => {
      const { done } = inActivity({ startToCloseTimeoutMs: 900 });
      await expect(done).rejects.toMatchObject({ type: 'Throttled', nonRetryable: false });
      await expect(done).rejects.toHaveProperty('nextRetryDelay', expect.any(Number));
      expect(proxy.calls).toEqual([]);
    });

    it('is not made when its activity would miss a heartbeat first', async () => {
      const { done } = inActivity({ startToCloseTimeoutMs: 900_000, heartbeatTimeoutMs: 500 });
      await expect(done).rejects.toMatchObject({ type: 'Throttled' });
      expect(proxy.calls).toEqual([]);
    });

    it('is not made when its activity is cancelled', async () => {
      const { activity, done } = inActivity({ startToCloseTimeoutMs: 60_000 });
      setTimeout(() => activity.cancel(), 50);
      await expect(done).rejects.toBeInstanceOf(CancelledFailure);
      expect(proxy.calls).toEqual([]);
    });
  });
});
