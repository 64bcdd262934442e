import { DescribeSnapshotsCommand, type Snapshot } from '@aws-sdk/client-ec2';
import { DisableKeyCommand } from '@aws-sdk/client-kms';
import type { RunBackupResult } from '../../src/model/backup';
import type { CopyRecoveryPointsResult } from '../../src/model/copy';
import type { EnforceExpiryResult } from '../../src/model/expiry';
import { FAILURE } from '../../src/model/failures';
import { scheduleIds, workflowIds } from '../../src/model/ids';
import { readRecoveryPoint } from '../../src/model/recoveryPoint';
import { awaitResult } from '../support/awaitResult';
import { AwsServer } from '../support/awsServer';
import { expectFailure, failedResult } from '../support/failure';
import { aKey, anInstance, aVolume, tagsOf } from '../support/seed';
import { until } from '../support/until';
import { aWorld, type World } from '../support/world';

const DAY = 86_400_000;
const DR = 'eu-west-1';

describe.each([{ cache: true }, { cache: false }])(
  'copies to other regions, workflow cache $cache',
  ({ cache }) => {
    let aws: AwsServer;
    let world: World;

    beforeAll(async () => {
      // Of its own: faults and limits.
      aws = await AwsServer.start();
      world = await aWorld({ aws: aws.endpoint, cache });
    });
    afterAll(async () => {
      await world.close();
      aws.stop();
    });
    beforeEach(() => world.proxy.reset());
    afterEach(() => aws.control.delete('faults'));

    const policy = (policyName: string, more: object = {}) => ({
      policyName,
      frequency: '4h',
      retention: '30d',
      selector: { tags: { all: { policy: policyName } } },
      copies: [{ toRegion: DR, retention: '90d' }],
      ...more,
    });
    async function backUp(policyName: string): Promise<RunBackupResult> {
      return world.run<RunBackupResult>('runBackup', { policyName });
    }
    /** A run of the policy, and the end of its copies. */
    async function copied(policyName: string): Promise<CopyRecoveryPointsResult> {
      return awaitResult(await copiesOf(await backUp(policyName)));
    }
    const copiesOf = ({ copies }: RunBackupResult) =>
      Promise.resolve(world.client.workflow.getHandle(copies.items[0]?.workflowId ?? ''));
    async function snapshots(policyName: string, region?: string): Promise<Snapshot[]> {
      const Filters = [{ Name: 'tag:holdfast:policy', Values: [policyName] }];
      const { Snapshots = [] } = await world.home
        .ec2(region)
        .send(new DescribeSnapshotsCommand({ OwnerIds: ['self'], Filters }));
      return Snapshots;
    }
    const fault = (rule: object) => aws.control.post('faults', { accountId: world.home.accountId, ...rule });

    it('copies every snapshot of a run, with what is needed to restore and to expire it there', async () => {
      const KmsKeyId = await aKey(world.home, DR);
      const { instanceId, volumes } = await anInstance(world.home, { tags: { policy: 'dr', Name: 'db' } });
      await world.run(
        'createBackupPolicy',
        policy('dr', { copies: [{ toRegion: DR, kmsKeyId: KmsKeyId, retention: '90d' }] }),
      );
      const run = await backUp('dr');
      expect(run.copies.items).toMatchObject([{ toRegion: DR, state: 'STARTED' }]);
      expect(await awaitResult(await copiesOf(run))).toMatchObject({
        policyName: 'dr',
        toRegion: DR,
        copied: 2,
      });

      const [sources, copies] = [await snapshots('dr'), await snapshots('dr', DR)];
      expect(copies).toHaveLength(2);
      for (const copy of copies) {
        expect(copy).toMatchObject({ State: 'completed', Encrypted: true, KmsKeyId });
        const tags = tagsOf(copy);
        const source = sources.find(({ SnapshotId }) => SnapshotId === tags['holdfast:copy-of']);
        const point = readRecoveryPoint({
          snapshotId: copy.SnapshotId ?? '',
          volumeId: copy.VolumeId ?? '',
          description: copy.Description ?? '',
          tags,
        });
        const device = Object.entries(volumes).find(([, id]) => id === source?.VolumeId)?.[0];
        expect(point).toMatchObject({
          policyName: 'dr',
          sourceId: instanceId,
          lineage: `${instanceId}:${device}`,
        });
        expect((point?.expiresAt ?? 0) - (point?.takenAt ?? 0)).toBe(90 * DAY);
        expect(point?.recoveryPointId).toBe(run.recoveryPoints.items[0]?.recoveryPointId);
        expect(tags).toMatchObject({ Name: 'db', 'holdfast:source-volume': source?.VolumeId });
      }
      const expiry = scheduleIds.expiry({ accountId: world.home.accountId, region: DR });
      await world.client.schedule.getHandle(expiry).describe();
    });

    it('makes nothing new when a slot runs again', async () => {
      await aVolume(world.home, { tags: { policy: 'again' } });
      await world.run('createBackupPolicy', policy('again'));
      const slot = new Date(Math.floor(Date.now() / (4 * 3_600_000)) * 4 * 3_600_000);
      const schedule = world.client.schedule.getHandle(scheduleIds.policy('again'));
      const copying = workflowIds.copies({
        policyName: 'again',
        slotMs: slot.getTime(),
        target: { accountId: world.home.accountId, region: 'us-east-1' },
        terms: { toRegion: DR },
      });
      const runs = new Set<string>();
      for (let fire = 1; fire <= 2; fire++) {
        await schedule.backfill({
          start: new Date(slot.getTime() - 1000),
          end: new Date(slot.getTime() + 1000),
          overlap: 'ALLOW_ALL',
        });
        await until(async () => {
          for await (const { runId, status } of world.client.workflow.list({
            query: `WorkflowId = "${copying}"`,
          }))
            if (status.name === 'COMPLETED') runs.add(runId);
          return runs.size === fire;
        });
      }
      expect(await snapshots('again', DR)).toHaveLength(1);
    });

    it('copies once when the answer to CopySnapshot is lost', async () => {
      await aVolume(world.home, { tags: { policy: 'lost' } });
      await world.run('createBackupPolicy', policy('lost'));
      await fault({ action: 'CopySnapshot', nth: 1, effect: { loseAnswer: true } });
      expect(await copied('lost')).toMatchObject({ copied: 1 });
      expect(await snapshots('lost', DR)).toHaveLength(1);
    });

    it('deletes a copy that ended in error, and makes it again', async () => {
      await aVolume(world.home, { tags: { policy: 'broken' } });
      await world.run('createBackupPolicy', policy('broken'));
      await fault({ action: 'CopySnapshot', nth: [1, 2], effect: { fails: 'Something went wrong' } });
      expect(await copied('broken')).toMatchObject({ copied: 1 });
      expect((await snapshots('broken', DR)).map(({ State }) => State)).toEqual(['completed']);
      expect(world.proxy.callsOf('CopySnapshot')).toHaveLength(3);
    });

    it('leaves no copy behind whose answer was lost and that ended in error', async () => {
      await aVolume(world.home, { tags: { policy: 'lost-broken' } });
      await world.run('createBackupPolicy', policy('lost-broken'));
      await fault({ action: 'CopySnapshot', nth: 1, effect: { fails: 'Something went wrong' } });
      world.proxy.fault('CopySnapshot', { after: 'lose the response' }, 1);
      expect(await copied('lost-broken')).toMatchObject({ copied: 1 });
      expect((await snapshots('lost-broken', DR)).map(({ State }) => State)).toEqual(['completed']);
    });

    it('fails loudly, naming snapshot and reason, when a copy cannot be made; the others are made', async () => {
      await Promise.all([1, 2].map(() => aVolume(world.home, { tags: { policy: 'partly' } })));
      await world.run('createBackupPolicy', policy('partly'));
      const run = await backUp('partly');
      const [{ snapshotIds: [unlucky = ''] = [] } = {}] = run.recoveryPoints.items;
      const handle = await copiesOf(run);
      await awaitResult(handle);
      await fault({ action: 'CopySnapshot', effect: { fails: 'Something went wrong' } });
      await aVolume(world.home, { tags: { policy: 'partly' } });
      const again = await copiesOf(await backUp('partly'));
      const failure = await failedResult<CopyRecoveryPointsResult>(awaitResult(again), FAILURE.allFailed);
      expect(failure).toMatchObject({ copied: 0, failed: { total: 3 } });
      expect(failure.failed.items[0]?.message).toMatch(
        /its copy failed 3 times, at last snap-\w+: Something went wrong/,
      );
      expect(await snapshots('partly', DR)).toHaveLength(2);
      expect(unlucky).toMatch(/^snap-/);
    });

    describe('refuses, before anything is made,', () => {
      const refused = (copies: object[], type: string = FAILURE.invalidInput) =>
        expectFailure(world.run('createBackupPolicy', policy('bad', { copies })), type);

      it('a copy to its own region', async () => {
        expect(await refused([{ toRegion: 'us-east-1' }])).toContain('name another region');
      });
      it('a region twice', async () => {
        expect(await refused([{ toRegion: DR }, { toRegion: DR }])).toContain(
          'names a region of an account twice',
        );
      });
      it('a region that the accounts file does not allow', async () => {
        await refused([{ toRegion: 'sa-east-1' }], FAILURE.targetNotAllowed);
      });
      it('a key that is not there, or cannot be used', async () => {
        await refused([{ toRegion: DR, kmsKeyId: 'alias/none' }], FAILURE.keyUnusable);
        const KeyId = await aKey(world.home, DR);
        await world.home.kms(DR).send(new DisableKeyCommand({ KeyId }));
        await refused([{ toRegion: DR, kmsKeyId: KeyId }], FAILURE.keyUnusable);
      });
      it('a deadline that EBS does not know', async () => {
        expect(await refused([{ toRegion: DR, within: '20m' }])).toContain('in steps of 15m');
      });
      it('a retention under the frequency', async () => {
        expect(await refused([{ toRegion: DR, retention: '1h' }])).toContain('retention must be longer than');
      });
    });

    it('says what to do when a snapshot is encrypted and the region has no key', async () => {
      await aVolume(world.home, { tags: { policy: 'keyless' }, kmsKeyId: await aKey(world.home) });
      await world.run('createBackupPolicy', policy('keyless'));
      const handle = await copiesOf(await backUp('keyless'));
      const failure = await failedResult<CopyRecoveryPointsResult>(awaitResult(handle), FAILURE.allFailed);
      expect(failure.failed.items[0]?.message).toContain(`give copies.kmsKeyId a key there`);
      expect(world.proxy.callsOf('CopySnapshot')).toEqual([]);
    });

    it('does not delete a point that still has to be copied', async () => {
      await aVolume(world.home, { tags: { policy: 'held' } });
      await world.run('createBackupPolicy', policy('held', { retention: '5h', minKeep: 1 }));
      // A copy that never comes: CopySnapshot is refused, and the queue goes on trying.
      await fault({
        action: 'CopySnapshot',
        effect: { error: { code: 'ResourceLimitExceeded', message: 'full' } },
      });
      const handle = await copiesOf(await backUp('held'));
      await until(() => world.proxy.callsOf('CopySnapshot').length > 0);
      await aws.control.post('clock', { advance: 60 });
      await backUp('held');
      world.clock.offset = 6 * 3_600_000;
      const expire = () =>
        world.run<EnforceExpiryResult>('enforceExpiry', { targets: [{ region: 'us-east-1' }] });
      const { expired, kept } = await expire();
      world.clock.offset = 0;
      expect(expired.items).toEqual([]);
      expect(kept.items.map(({ reason }) => reason)).toContain('a copy of it is running');
      await handle.terminate('seen');
    });
  },
);
