import type { Snapshot } from '@aws-sdk/client-ec2';
import type { RunBackupResult } from '../../../../src/model/backup/run';
import type { CopyRecoveryPointsResult } from '../../../../src/model/copies/copy';
import type { EnforceExpiryResult } from '../../../../src/model/retention/expiry';
import { readRecoveryPoint } from '../../../../src/model/points/recoveryPoint';
import type { SweepOrphansResult } from '../../../../src/model/operations/sweep';
import { HOME_REGION } from '../../../support/accounts';
import { awaitResult } from '../../../support/awaitResult';
import { anInstance, aKey, aVolume, tagsOf } from '../../../support/seed';
import { SnapshotWorld } from '../../../support/snapshotEncryption';

const DAY = 86_400_000;
const DR = 'eu-west-1';

describe('recovery points that encryptSnapshots encrypts', () => {
  let snapshots: SnapshotWorld;

  beforeAll(async () => {
    snapshots = await SnapshotWorld.open();
  });
  afterAll(() => snapshots.close());
  beforeEach(() => snapshots.reset());
  afterEach(() => (snapshots.world.clock.offset = 0));

  const ofPolicy = (name: string) => ({ selector: { tags: { all: { 'holdfast:policy': name } } } });
  const found = (name: string, region?: string) => snapshots.tagged('holdfast:policy', name, region);
  const idsOf = (list: readonly Snapshot[]) => list.map(({ SnapshotId = '' }) => SnapshotId).sort();
  async function policy(policyName: string, more: object = {}): Promise<void> {
    await snapshots.world.run('createBackupPolicy', {
      policyName,
      frequency: '4h',
      retention: '1d',
      minKeep: 1,
      paused: true,
      selector: { tags: { all: { policy: policyName } } },
      ...more,
    });
  }
  const backUp = (policyName: string) => snapshots.world.run<RunBackupResult>('runBackup', { policyName });
  const expire = () => snapshots.world.run<EnforceExpiryResult>('enforceExpiry', {});
  const sweep = () => snapshots.world.run<SweepOrphansResult>('sweepOrphans', { dryRun: false });
  const pointOf = (snapshot: Snapshot) => {
    const { SnapshotId: snapshotId = '', VolumeId: volumeId = '', Description: description = '' } = snapshot;
    return readRecoveryPoint({ snapshotId, volumeId, description, tags: tagsOf(snapshot) });
  };
  /** All that a point is, whichever snapshot it is in. */
  const meaning = (list: readonly Snapshot[]) =>
    list
      .flatMap((each) => pointOf(each) ?? [])
      .map(({ snapshotId: _id, encryptedFrom: _from, ...point }) => point)
      .sort((a, b) => a.lineage.localeCompare(b.lineage));

  it('stay the points they were, counted once before the commit and after it', async () => {
    await anInstance(snapshots.world.home, { tags: { policy: 'counted' } });
    await policy('counted');
    await backUp('counted');
    const before = await found('counted');
    const handle = await snapshots.copied(ofPolicy('counted'));
    const both = await found('counted');
    expect(both).toHaveLength(4);
    // The copies are points of nobody, nor orphans: not even after years.
    expect(meaning(both)).toEqual(meaning(before));
    snapshots.world.clock.offset = 3000 * DAY;
    expect(await sweep()).toMatchObject({ found: { total: 0 } });
    expect(await expire()).toMatchObject({ expired: { total: 0 }, kept: { total: 1 } });

    await snapshots.tell(handle, 'commit');
    await awaitResult(handle);
    const after = await found('counted');
    expect(after.every(({ Encrypted }) => Encrypted)).toBe(true);
    expect(meaning(after)).toEqual(meaning(before));
    expect(await sweep()).toMatchObject({ found: { total: 0 } });
    expect(await expire()).toMatchObject({ expired: { total: 0 }, kept: { total: 1 } });
  });

  it('expire after the commit, by the same rules', async () => {
    await aVolume(snapshots.world.home, { tags: { policy: 'after' } });
    await policy('after');
    await backUp('after');
    await snapshots.committed(ofPolicy('after'));
    const [old] = await found('after');
    snapshots.world.clock.offset = 2 * DAY;
    await backUp('after');
    await snapshots.world.run('deleteBackupPolicy', { policyName: 'after' });
    expect(await expire()).toMatchObject({ expired: { total: 1 } });
    const left = await found('after');
    expect(left).toHaveLength(1);
    expect(idsOf(left)).not.toContain(old?.SnapshotId);
  });

  it('may expire before the commit: the copy then takes its place, and goes the same way', async () => {
    await aVolume(snapshots.world.home, { tags: { policy: 'before' } });
    await policy('before');
    await backUp('before');
    const [original] = await found('before');
    const handle = await snapshots.copied(ofPolicy('before'));
    snapshots.world.clock.offset = 2 * DAY;
    await backUp('before');
    await snapshots.world.run('deleteBackupPolicy', { policyName: 'before' });
    expect(await expire()).toMatchObject({ expired: { total: 1 } });
    expect(idsOf(await found('before'))).not.toContain(original?.SnapshotId);
    await snapshots.tell(handle, 'commit');
    await awaitResult(handle);
    expect(await found('before')).toHaveLength(2);
    expect(await expire()).toMatchObject({ expired: { total: 1 } });
    expect((await found('before')).map(({ Encrypted }) => Encrypted)).toEqual([false]);
  });

  it('are not copied elsewhere again, on neither side', async () => {
    await anInstance(snapshots.world.home, { tags: { policy: 'copied' } });
    await policy('copied', { copies: [{ toRegion: DR, retention: '90d' }] });
    const { slot, copies } = await backUp('copied');
    await awaitResult(snapshots.world.client.workflow.getHandle(copies.items[0]?.workflowId ?? ''));
    await snapshots.committed(ofPolicy('copied'));
    const kmsKeyId = await aKey(snapshots.world.home, DR);
    await snapshots.committed({ ...ofPolicy('copied'), kmsKeyId, target: { region: DR } });
    const there = await found('copied', DR);
    expect(there.map(({ Encrypted }) => Encrypted)).toEqual([true, true]);
    snapshots.world.proxy.reset();
    const job = {
      policyName: 'copied',
      slotMs: Date.parse(slot),
      target: { accountId: snapshots.world.home.accountId, region: HOME_REGION },
      terms: { toRegion: DR, retention: { keep: '90d' } },
      timezone: 'UTC',
      rpoMs: 1,
    };
    expect(await snapshots.world.run<CopyRecoveryPointsResult>('copyRecoveryPoints', job)).toMatchObject({
      copied: 2,
    });
    expect(snapshots.world.proxy.callsOf('CopySnapshot')).toEqual([]);
    expect(meaning(there).every(({ sourceTarget }) => sourceTarget?.region === HOME_REGION)).toBe(true);
  });

  it('are named when their run was terminated, while the originals are there', async () => {
    await aVolume(snapshots.world.home, { tags: { policy: 'swept' } });
    await policy('swept', { retention: 'forever' });
    await backUp('swept');
    const [original] = await found('swept');
    const handle = await snapshots.copied(ofPolicy('swept'));
    await handle.terminate('nobody commits it');
    snapshots.world.clock.offset = 3000 * DAY;
    const swept = await sweep();
    // Last points of the policies of other tests are found beside it.
    const copy = swept.found.items.find(({ reason }) => reason.includes(handle.workflowId));
    expect(copy?.reason).toContain(`${handle.workflowId}, which encrypted ${original?.SnapshotId}`);
    // Somebody may have made it, with all of these marks: only a person can tell.
    expect(swept.deleted.total).toBe(0);
    const left = idsOf(await found('swept'));
    expect(left).toHaveLength(2);
    expect(left).toEqual(expect.arrayContaining([original?.SnapshotId, copy?.resourceId]));
  });
});
