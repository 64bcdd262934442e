import { DescribeSnapshotsCommand } from '@aws-sdk/client-ec2';
import { Client } from '@temporalio/client';
import type { PayloadCodec } from '@temporalio/common';
import { BackupPolicies } from '../../../src/client/policies';
import { type Holdfast } from '../../../src/client/operations';
import type { RunBackupResult } from '../../../src/model/backup/run';
import type { EnforceExpiryResult } from '../../../src/model/retention/expiry';
import { FAILURE } from '../../../src/model/failures';
import { scheduleIds } from '../../../src/model/ids';
import { TASK_QUEUE } from '../../../src/model/names';
import type { PolicyPlan } from '../../../src/model/policies/policyPlan';
import { expectFailure, failedResult } from '../../support/failure';
import { aVolume } from '../../support/seed';
import { until } from '../../support/until';
import { aWorld, type World } from '../../support/world';

const DAY = 86_400_000;

describe('what people start or make by hand, with the names of Holdfast’s own', () => {
  let world: World;

  beforeAll(async () => {
    world = await aWorld();
  });
  afterAll(() => world.close());
  afterEach(() => (world.clock.offset = 0));

  const policyOf = (policyName: string) => ({
    policyName,
    frequency: '4h',
    retention: '1d',
    minKeep: 1,
    selector: { tags: { all: { policy: policyName } } },
  });

  /** A policy with two points, of which the first has expired. */
  async function twoPoints(policyName: string): Promise<void> {
    await aVolume(world.home, { tags: { policy: policyName } });
    await world.run('createBackupPolicy', policyOf(policyName));
    await world.run<RunBackupResult>('runBackup', { policyName });
    world.clock.offset = 2 * DAY;
    await world.run<RunBackupResult>('runBackup', { policyName });
  }
  const expire = () => world.run<EnforceExpiryResult>('enforceExpiry', {});
  async function count(policyName: string): Promise<number> {
    const Filters = [{ Name: 'tag:holdfast:policy', Values: [policyName] }];
    const { Snapshots = [] } = await world.home
      .ec2()
      .send(new DescribeSnapshotsCommand({ OwnerIds: ['self'], Filters }));
    return Snapshots.length;
  }

  it('a legal hold on a mistyped task queue holds nothing back', async () => {
    await twoPoints('typo');
    const lost = await world.client.workflow.start('setLegalHold', {
      args: [{ policyName: 'typo', reason: 'case 7' }],
      taskQueue: 'holdfsat',
      workflowId: 'mistyped-hold',
    });
    await shown('mistyped-hold');
    expect(await expire()).toMatchObject({
      expired: { total: 1 },
      holdsNotKnown: [
        { workflowId: 'mistyped-hold', reason: expect.stringContaining('holdfsat') as unknown },
      ],
    });
    await lost.terminate();
  });

  it('a legal hold that does not say for an hour what it holds stops expiry, and says so', async () => {
    await twoPoints('silent');
    const silent = await world.client.workflow.start('setLegalHold', {
      args: [{ policyName: 'silent', reason: 'case 7' }],
      taskQueue: TASK_QUEUE,
      workflowId: 'silent-hold',
      // No worker sees it before: it is open, and has said nothing.
      startDelay: '1 day',
    });
    await shown('silent-hold');
    const { failed } = await failedResult<EnforceExpiryResult>(expire(), FAILURE.allFailed);
    expect(failed.items[0]?.message).toMatch(/^workflow silent-hold \(setLegalHold\) has been open for more/);
    expect(await count('silent')).toBe(2);
    await silent.terminate();
    await until(async () => (await open('silent-hold')) === 0);
    expect(await expire()).toMatchObject({ expired: { total: 1 } });
  });

  it.each<[string, unknown[]]>([
    ['nothing', []],
    ['no-policy', [{ policyName: 'odd' }]],
    ['a-list', [['odd']]],
  ])('a Schedule of a policy’s id with %s stops no other policy, and is named', async (what, args) => {
    const beside = `beside-${what}`;
    await twoPoints(beside);
    const { schedule } = world.client;
    const odd = await schedule.create({
      scheduleId: scheduleIds.policy('odd'),
      spec: { intervals: [{ every: '1 day' }] },
      action: { type: 'startWorkflow', workflowType: 'runBackup', taskQueue: TASK_QUEUE, args },
      state: { paused: true },
    });
    try {
      const plan = await world.run<PolicyPlan>('planBackupPolicy', policyOf(beside));
      expect(plan.remarks).toEqual([expect.stringMatching(/^policy odd cannot be read, runs nothing/)]);
      expect(await expire()).toMatchObject({ expired: { total: 1 }, failed: { total: 0 } });
      const hold = await world.start('setLegalHold', { policyName: beside, reason: 'case 8' });
      await until(async () => (await count(beside)) === 1 && (await heldCount(beside)) === 1);
      await hold.terminate();
      const states = await new BackupPolicies({ temporal: world.client } as unknown as Holdfast).list();
      expect(states.find(({ policyName }) => policyName === 'odd')).toMatchObject({
        state: expect.stringContaining('unreadable') as unknown,
        isOk: false,
      });
      const refused = await expectFailure(
        world.run('runBackup', { policyName: 'odd' }),
        FAILURE.policyNotFound,
      );
      expect(refused).toContain('Schedule policy/odd carries no policy odd that can be read');
    } finally {
      await odd.delete();
    }
  });

  it('points of a policy that cannot be read stay, and say why', async () => {
    await twoPoints('garbled');
    const handle = world.client.schedule.getHandle(scheduleIds.policy('garbled'));
    await handle.update((now) => ({
      ...now,
      action: { ...now.action, args: [{ policyName: 'garbled', frequencyMs: 'often' }] },
    }));
    expect(await expire()).toMatchObject({
      keptByReason: { 'its policy cannot be read': 1 },
      unreadablePolicies: { total: 1, items: ['garbled'] },
    });
    expect(await count('garbled')).toBe(2);
    // Applied again it is a policy again.
    await world.run('createBackupPolicy', policyOf('garbled'));
    expect(await expire()).toMatchObject({ expired: { total: 1 } });
  });

  it('a Schedule that nobody can decode stops no other policy, and is named', async () => {
    await twoPoints('open');
    const encoding = new TextEncoder().encode('binary/of-another-key');
    const codec: PayloadCodec = {
      encode: (payloads) => Promise.resolve(payloads.map((each) => ({ ...each, metadata: { encoding } }))),
      decode: (payloads) => Promise.resolve(payloads),
    };
    const another = new Client({
      connection: world.temporal.connection,
      ...(world.temporal.namespace && { namespace: world.temporal.namespace }),
      dataConverter: { payloadCodecs: [codec] },
    });
    const sealed = await another.schedule.create({
      scheduleId: scheduleIds.policy('sealed'),
      spec: { intervals: [{ every: '1 day' }] },
      action: { type: 'startWorkflow', workflowType: 'runBackup', taskQueue: TASK_QUEUE, args: [{}] },
      memo: { policyName: 'sealed' },
      state: { paused: true },
    });
    try {
      const plan = await world.run<PolicyPlan>('planBackupPolicy', policyOf('open'));
      expect(plan.remarks).toEqual([expect.stringMatching(/^policy sealed cannot be read/)]);
      expect(await expire()).toMatchObject({
        expired: { total: 1 },
        unreadablePolicies: { items: expect.arrayContaining(['sealed']) as unknown },
      });
      const states = await new BackupPolicies({ temporal: world.client } as unknown as Holdfast).list();
      expect(states.find(({ policyName }) => policyName === 'sealed')).toMatchObject({
        state: expect.stringMatching(/^not read: /) as unknown,
        isOk: false,
      });
      expect(states.find(({ policyName }) => policyName === 'open')).toMatchObject({ every: '4 h' });
      const refused = await expectFailure(
        world.run('createBackupPolicy', policyOf('sealed')),
        FAILURE.conflict,
      );
      expect(refused).toContain('what Schedule policy/sealed carries cannot be decoded');
    } finally {
      await sealed.delete();
    }
  });

  async function open(workflowId: string): Promise<number> {
    const query = `WorkflowId = '${workflowId}' AND CloseTime IS NULL`;
    return (await world.client.workflow.count(query)).count;
  }
  const shown = (workflowId: string) => until(async () => (await open(workflowId)) === 1);

  async function heldCount(policyName: string): Promise<number> {
    const Filters = [{ Name: 'tag:holdfast:policy', Values: [policyName] }];
    const { Snapshots = [] } = await world.home
      .ec2()
      .send(new DescribeSnapshotsCommand({ OwnerIds: ['self'], Filters }));
    return Snapshots.filter(({ Tags = [] }) =>
      Tags.some(({ Key = '' }) => Key.startsWith('holdfast:legal-hold:')),
    ).length;
  }
});
