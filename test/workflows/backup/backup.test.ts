import {
  CreateSnapshotCommand,
  DeleteSnapshotCommand,
  DescribeSnapshotsCommand,
  type Snapshot,
} from '@aws-sdk/client-ec2';
import type { RunBackupResult } from '../../../src/model/backup/run';
import type { EnforceExpiryResult } from '../../../src/model/retention/expiry';
import { FAILURE } from '../../../src/model/failures';
import { scheduleIds } from '../../../src/model/ids';
import type { CreateBackupPolicyResult } from '../../../src/model/policies/policy';
import type { PolicyPlan } from '../../../src/model/policies/policyPlan';
import { readRecoveryPoint } from '../../../src/model/points/recoveryPoint';
import { awaitResult } from '../../support/awaitResult';
import { expectFailure, failedResult } from '../../support/failure';
import { anInstance, aVolume, tagsOf } from '../../support/seed';
import { aWorld, type World } from '../../support/world';

const DAY = 86_400_000;

describe.each([{ cache: true }, { cache: false }])(
  'backups by policy, workflow cache $cache',
  ({ cache }) => {
    let world: World;

    beforeAll(async () => {
      world = await aWorld({ cache });
    });
    afterAll(() => world.close());
    beforeEach(() => world.proxy.reset());

    const policy = (policyName: string, more: object = {}) => ({
      policyName,
      frequency: '4h',
      retention: '30d',
      selector: { tags: { all: { policy: policyName } } },
      ...more,
    });
    const create = (input: unknown) => world.run<CreateBackupPolicyResult>('createBackupPolicy', input);
    const backUp = (policyName: string) => world.run<RunBackupResult>('runBackup', { policyName });

    async function snapshotsOf(policyName: string): Promise<Snapshot[]> {
      const Filters = [{ Name: 'tag:holdfast:policy', Values: [policyName] }];
      const { Snapshots = [] } = await world.home
        .ec2()
        .send(new DescribeSnapshotsCommand({ OwnerIds: ['self'], Filters }));
      return Snapshots;
    }

    it('makes a Schedule that carries the policy, and changes it only when the policy changes', async () => {
      const first = await create(policy('steady'));
      expect(first).toMatchObject({ policyName: 'steady', status: 'CREATED', scheduleId: 'policy/steady' });
      expect(first.nextRuns.length).toBeGreaterThan(0);
      expect(new Date(first.nextRuns[0] ?? '').getTime() % (4 * 3_600_000)).toBe(0);

      expect((await create(policy('steady'))).status).toBe('UNCHANGED');
      expect((await create(policy('steady', { retention: '60d' }))).status).toBe('UPDATED');
      const { action, state } = await world.client.schedule
        .getHandle(scheduleIds.policy('steady'))
        .describe();
      expect(action).toMatchObject({
        workflowType: 'runBackup',
        args: [{ policyName: 'steady', retention: { keep: '60d' } }],
      });
      expect(state.paused).toBe(false);
    });

    it('plans: what would change, what is selected, and what no policy selects', async () => {
      const tags = { policy: 'planned' };
      const { instanceId } = await anInstance(world.home, { tags, root: { size: 8 }, data: [] });
      const alone = await aVolume(world.home, { tags, size: 3 });
      const [nobodys, anothers] = [
        await anInstance(world.home, { tags: { Name: 'forgotten' }, data: [] }),
        await anInstance(world.home, { tags: { policy: 'another' }, data: [] }),
      ];
      await create(policy('another'));
      const plan = () => world.run<PolicyPlan>('planBackupPolicy', policy('planned', { rpo: '5h' }));
      world.proxy.reset();
      const before = await plan();
      expect(world.proxy.mutations()).toEqual([]);
      expect(before).toMatchObject({ change: 'CREATE', completeWithin: '2 min', problems: [] });
      expect(before.targets).toMatchObject([{ instances: 1, volumesAlone: 1, volumes: 2, gib: 11 }]);
      const missed = before.unprotected.items;
      expect(missed).toContainEqual(
        expect.objectContaining({ resourceId: nobodys.instanceId, name: 'forgotten' }),
      );
      for (const id of [instanceId, alone, anothers.instanceId])
        expect(missed.map(({ resourceId }) => resourceId)).not.toContain(id);
      await create(policy('planned', { retention: '60d' }));
      expect(await plan()).toMatchObject({
        change: 'UPDATE',
        changes: ['retention: {"keep":"60d"} → {"keep":"30d"}', 'rpoMs: 28800000 → 18000000'],
      });
    });

    it('takes one tagged set an instance and one snapshot a standalone volume, once a slot', async () => {
      const { instanceId, volumes } = await anInstance(world.home, { tags: { policy: 'sets', Name: 'db' } });
      const alone = await aVolume(world.home, { tags: { policy: 'sets' } });
      await create(policy('sets', { requestedBy: 'ann', ticket: 'T-1' }));
      world.proxy.reset();
      const result = await backUp('sets');

      expect(result).toMatchObject({
        status: 'COMPLETED',
        selected: 2,
        protected: 2,
        volumes: 3,
        coverage: 1,
      });
      expect(result.recoveryPoints.items.map(({ resourceId }) => resourceId).sort()).toEqual(
        [alone, instanceId].sort(),
      );
      const snapshots = await snapshotsOf('sets');
      expect(snapshots.map(({ VolumeId }) => VolumeId).sort()).toEqual(
        [...Object.values(volumes), alone].sort(),
      );
      expect(world.proxy.callsOf('CreateSnapshots')).toHaveLength(1);

      const root = snapshots.find(({ VolumeId }) => VolumeId === volumes['/dev/xvda']);
      expect(tagsOf(root ?? {})).toMatchObject({
        Name: 'db',
        'holdfast:source-instance': instanceId,
        'holdfast:set': '2',
        'holdfast:requested-by': 'ann',
        'holdfast:ticket': 'T-1',
      });
      const point = readRecoveryPoint({
        snapshotId: root?.SnapshotId ?? '',
        volumeId: root?.VolumeId ?? '',
        description: root?.Description ?? '',
        tags: tagsOf(root ?? {}),
      });
      expect(point).toMatchObject({
        lineage: `${instanceId}:/dev/xvda`,
        minKeep: 3,
        rpoMs: 8 * 3_600_000,
        legalHold: false,
      });
      expect((point?.expiresAt ?? 0) - (point?.takenAt ?? 0)).toBe(30 * DAY);
      expect(world.manifests.values()).toContainEqual(
        expect.objectContaining({ instance: expect.objectContaining({ InstanceId: instanceId }) as unknown }),
      );
    });

    it('creates nothing when a slot runs again', async () => {
      await anInstance(world.home, { tags: { policy: 'again' } });
      await create(policy('again'));
      const handle = world.client.schedule.getHandle(scheduleIds.policy('again'));
      const slot = new Date(Math.floor(Date.now() / (4 * 3_600_000)) * 4 * 3_600_000);
      const statuses: string[] = [];
      for (let fire = 1; fire <= 2; fire++) {
        await handle.backfill({
          start: new Date(slot.getTime() - 1000),
          end: new Date(slot.getTime() + 1000),
          overlap: 'ALLOW_ALL',
        });
        const run = await newRun(fire);
        const { slot: ran, status } = await awaitResult<RunBackupResult>(run);
        expect(ran).toBe(slot.toISOString());
        statuses.push(status);
      }
      expect(statuses).toEqual(['COMPLETED', 'DUPLICATE_SLOT']);
      expect(await snapshotsOf('again')).toHaveLength(2);

      async function newRun(count: number) {
        for (;;) {
          const runs = [];
          const query = 'WorkflowType = "runBackup" AND HoldfastPolicy = "again"';
          for await (const found of world.client.workflow.list({ query })) runs.push(found);
          const latest = runs.sort((a, b) => b.startTime.getTime() - a.startTime.getTime())[0];
          if (runs.length >= count && latest)
            return world.client.workflow.getHandle(latest.workflowId, latest.runId);
          await new Promise((resolve) => setTimeout(resolve, 200));
        }
      }
    });

    it('makes no second set when the answer to CreateSnapshots is lost', async () => {
      await anInstance(world.home, { tags: { policy: 'lost' } });
      await create(policy('lost'));
      world.proxy.reset();
      world.proxy.fault('CreateSnapshots', { after: 'lose the response' }, 1);
      expect(await backUp('lost')).toMatchObject({ protected: 1, volumes: 2 });
      expect(world.proxy.callsOf('CreateSnapshots')).toHaveLength(1);
      expect(await snapshotsOf('lost')).toHaveLength(2);
    });

    it('protects the others when one resource fails, and says so loudly', async () => {
      const { instanceId } = await anInstance(world.home, { tags: { policy: 'partly' } });
      const alone = await aVolume(world.home, { tags: { policy: 'partly' } });
      await create(policy('partly'));
      world.proxy.fault('CreateSnapshot', { before: { code: 'UnauthorizedOperation', status: 403 } });
      const result = await failedResult<RunBackupResult>(backUp('partly'), FAILURE.partialFailure);
      expect(result).toMatchObject({ selected: 2, protected: 1, coverage: 0.5, failed: { total: 1 } });
      expect(result.failed.items[0]).toMatchObject({ item: alone, type: FAILURE.accessDenied });
      expect(result.failed.items[0]?.message).toContain('ec2:CreateSnapshot');
      expect(result.recoveryPoints.items[0]?.resourceId).toBe(instanceId);
    });

    it('fails when the policy selects nothing', async () => {
      await create(policy('empty'));
      expect(await expectFailure(backUp('empty'), FAILURE.nothingSelected)).toContain(
        'policy empty selects nothing',
      );
    });

    it('knows no policy that was never made or is deleted', async () => {
      await expectFailure(backUp('never'), FAILURE.policyNotFound);
      await create(policy('gone'));
      expect(await world.run('deleteBackupPolicy', { policyName: 'gone' })).toMatchObject({
        status: 'DELETED',
      });
      await expectFailure(world.run('deleteBackupPolicy', { policyName: 'gone' }), FAILURE.policyNotFound);
      await expectFailure(backUp('gone'), FAILURE.policyNotFound);
    });

    it('expires old points, keeps the newest ones, and touches nothing that is not its own', async () => {
      await anInstance(world.home, { tags: { policy: 'aged' } });
      const strangerVolume = await aVolume(world.home);
      const stranger = await world.home.ec2().send(
        new CreateSnapshotCommand({
          VolumeId: strangerVolume,
          Description: 'my own',
          TagSpecifications: [
            {
              ResourceType: 'snapshot',
              Tags: [
                { Key: 'holdfast:recovery-point', Value: 'rp-1' },
                { Key: 'holdfast:expires-at', Value: '2001-01-01T00:00:00Z' },
              ],
            },
          ],
        }),
      );
      await create(policy('aged', { retention: '1d', minKeep: 2 }));
      for (let day = 0; day < 4; day++) {
        world.clock.offset = day * DAY;
        await backUp('aged');
      }
      const points = new Set(
        (await snapshotsOf('aged')).map((snapshot) => tagsOf(snapshot)['holdfast:recovery-point']),
      );
      expect(points.size).toBe(4);

      world.clock.offset = 3 * DAY + 3_600_000;
      const rehearsal = await world.run<EnforceExpiryResult>('enforceExpiry', { dryRun: true });
      expect(await snapshotsOf('aged')).toHaveLength(8);
      const result = await world.run<EnforceExpiryResult>('enforceExpiry', {});
      const aged = (found: EnforceExpiryResult) =>
        found.expired.items.filter(({ recoveryPointId }) => points.has(recoveryPointId));
      expect(aged(rehearsal)).toHaveLength(2);
      expect(aged(result)).toHaveLength(2);
      expect(await snapshotsOf('aged')).toHaveLength(4);
      const { Snapshots } = await world.home
        .ec2()
        .send(new DescribeSnapshotsCommand({ SnapshotIds: [stranger.SnapshotId ?? ''] }));
      expect(Snapshots).toHaveLength(1);
      await world.home.ec2().send(new DeleteSnapshotCommand({ SnapshotId: stranger.SnapshotId }));

      world.clock.offset = 10 * DAY;
      const late = await world.run<EnforceExpiryResult>('enforceExpiry', {});
      expect(aged(late)).toHaveLength(0);
      expect(await snapshotsOf('aged')).toHaveLength(4);
      world.clock.offset = 0;
    });
  },
);
