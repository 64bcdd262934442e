import { CreateSnapshotCommand } from '@aws-sdk/client-ec2';
import type { WorkflowHandle } from '@temporalio/client';
import type { RunBackupResult } from '../../../src/model/backup/run';
import { FAILURE } from '../../../src/model/failures';
import { awaitResult } from '../../support/awaitResult';
import { BackupWorld, HOUR } from '../../support/backup';
import { failedResult } from '../../support/failure';
import { anInstance, aVolume } from '../../support/seed';
import { until } from '../../support/until';
import { throughout } from '../../support/throughout';

const FULL = { code: 'PendingSnapshotLimitExceeded', message: 'Too many pending snapshots' };

describe('a backup that EC2 takes no snapshots of, because others fill the quota', () => {
  const backups = throughout(() => BackupWorld.open());

  const fails = (action: string, effect: object, more?: object) => backups().fails(action, effect, more);

  async function snapshotInError(): Promise<string> {
    await fails('CreateSnapshot', { fails: 'An internal error' }, { nth: [1] });
    const VolumeId = await aVolume(backups().world.home);
    const { SnapshotId = '' } = await backups()
      .world.home.ec2()
      .send(new CreateSnapshotCommand({ VolumeId }));
    return SnapshotId;
  }

  /** A run of a slot so long ago; the points before it violate the RPO four hours after it. */
  async function slotRun(policyName: string, hoursAgo: number): Promise<WorkflowHandle> {
    await backups().policy(policyName);
    const { action } = await backups().world.client.schedule.getHandle(`policy/${policyName}`).describe();
    const args: readonly unknown[] = action.type === 'startWorkflow' ? (action.args ?? []) : [];
    const slotMs = Date.now() - hoursAgo * HOUR;
    const input = { policy: args[0], target: backups().target(), slotMs, begunMs: slotMs };
    return backups().world.start('backupTarget', input, { limits: { heartbeat: 1_000 } });
  }

  /** What the pending activity's heartbeats say that it waits for, as the Web UI shows it. */
  async function waitingFor(run: WorkflowHandle): Promise<string | undefined> {
    const { pendingActivities } = (await run.describe()).raw;
    const details = pendingActivities?.flatMap(({ heartbeatDetails }) => heartbeatDetails?.payloads ?? []);
    const told = details?.map(
      ({ data }) => JSON.parse(Buffer.from(data ?? '').toString() || 'null') as object | null,
    );
    return told?.flatMap((each) => (each && 'waitingFor' in each ? String(each.waitingFor) : []))[0];
  }

  it('says while it waits what for, and which snapshots in error count too; it fails nothing that gets room in time', async () => {
    await anInstance(backups().world.home, { tags: { policy: 'patient' } });
    const broken = await snapshotInError();
    await fails('CreateSnapshots', { error: FULL });
    const run = await slotRun('patient', 0);
    await until(async () => (await waitingFor(run))?.includes(broken) === true);
    expect(await waitingFor(run)).toMatch(
      /^1 resources, since .*PendingSnapshotLimitExceeded.*the pending snapshots of the region/,
    );
    await backups().aws.control.delete('faults');
    expect(await awaitResult(run)).toMatchObject({ protected: 1, failed: { total: 0 } });
  });

  it('fails once the points before violate the RPO, and says why', async () => {
    const { instanceId } = await anInstance(backups().world.home, { tags: { policy: 'spent' } });
    const broken = await snapshotInError();
    await fails('CreateSnapshots', { error: FULL });
    const run = awaitResult(await slotRun('spent', 9));
    const { failed } = await failedResult<RunBackupResult>(run, FAILURE.allFailed);
    expect(failed.items).toMatchObject([{ item: instanceId, type: FAILURE.quotaExceeded }]);
    expect(failed.items[0]?.message).toContain(broken);
    expect(failed.items[0]?.message).toMatch(
      /was not made: .*PendingSnapshotLimitExceeded.*violate the RPO by now/,
    );
  });
});
