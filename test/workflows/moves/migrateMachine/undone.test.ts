import { DisableKeyCommand } from '@aws-sdk/client-kms';
import type { EncryptVolumesResult } from '../../../../src/model/encryption/campaign/campaign';
import { FAILURE } from '../../../../src/model/failures';
import type { Strategy } from '../../../../src/model/moves/strategy';
import type { ProgressPage } from '../../../../src/model/progress';
import { awaitResult } from '../../../support/awaitResult';
import { expectUndone } from '../../../support/claims';
import { expectFailure, failedResult } from '../../../support/failure';
import { MigrationWorld } from '../../../support/migration';
import { aKey, anInstance } from '../../../support/seed';
import { throughout } from '../../../support/throughout';

const REFUSED = { before: { code: 'UnauthorizedOperation', status: 403 } };

describe('migrateMachine, undone', () => {
  const migrations = throughout(() => MigrationWorld.open());
  const allFailed = (run: Promise<unknown>) => failedResult<EncryptVolumesResult>(run, FAILURE.allFailed);

  /** A copy ends in error, a volume is not there any more: https://docs.aws.amazon.com/ebs/latest/userguide/how-ebs-encryption-works.html */
  const vanished =
    /ResourceFailed: volume vol-\w+ in .* is not there any more: EC2 lets .* the key is Disabled; enable it/;
  it.each<[Strategy, string, number, RegExp]>([
    ['copy', 'CopySnapshot', 3, /Given key ID is not accessible/],
    ['direct', 'CreateSnapshots', 2, vanished],
    ['clone', 'CopyVolumes', 2, vanished],
  ])('by %s puts everything back when its key is disabled at %s', async (strategy, action, nth, says) => {
    const { home } = migrations().world;
    const { instanceId } = await anInstance(home);
    const [before, kmsKeyId] = [await migrations().stateOf(instanceId), await aKey(home)];
    const disable = () => home.kms().send(new DisableKeyCommand({ KeyId: kmsKeyId }));
    const disabled = migrations().meanwhile(action, disable, nth);
    const result = await allFailed(migrations().encrypt({ instanceIds: [instanceId], kmsKeyId, strategy }));
    await disabled;
    expect(result.rolledBack.items[0]?.message).toMatch(says);
    await expectUndone(migrations(), instanceId, before);
  });

  it.each<[Strategy, string]>([
    ['copy', 'CreateVolume'],
    ['direct', 'CreateVolume'],
    ['clone', 'CopyVolumes'],
    ['clone', 'StopInstances'],
  ])('by %s undoes when it is cancelled at %s', async (strategy, action) => {
    const { instanceId } = await anInstance(migrations().world.home);
    const before = await migrations().stateOf(instanceId);
    const cancelled = migrations().meanwhile(action, () => migrations().machine(instanceId).cancel());
    const campaign = await migrations().start({ instanceIds: [instanceId], strategy });
    await cancelled;
    const result = await allFailed(awaitResult(campaign));
    expect(result.skipped.items[0]?.item).toBe(instanceId);
    await expectUndone(migrations(), instanceId, before);
  });

  it('undoes when the machine has been down for as long as it may', async () => {
    const { instanceId } = await anInstance(migrations().world.home);
    const before = await migrations().stateOf(instanceId);
    migrations().world.proxy.fault('CopySnapshot', { delay: 2_500 }, [3, 4]);
    const { target, key: kmsKeyArn } = migrations();
    const input = { target, instanceId, kmsKeyArn, strategy: 'copy', maxDowntimeMs: 2_000 };
    const run = migrations().world.run('migrateMachine', input);
    expect(await expectFailure(run, FAILURE.rolledBack)).toMatch(/DowntimeExceeded|maxDowntime/);
    await expectUndone(migrations(), instanceId, before);
  });

  it('waits for a person where a step cannot be undone, and goes on when told', async () => {
    const { instanceId } = await anInstance(migrations().world.home);
    const before = await migrations().stateOf(instanceId);
    migrations().world.proxy.fault('AttachVolume', REFUSED);
    const campaign = await migrations().start({ instanceIds: [instanceId] });
    const machine = migrations().machine(instanceId);
    await migrations().phase(machine, 'Needs a person');
    const { rows } = await machine.query<ProgressPage>('progress');
    expect(rows.find(({ state }) => state === 'stuck')?.note).toContain('AttachVolume');
    migrations().world.proxy.reset();
    await migrations().tell(instanceId, 'resume');
    await allFailed(awaitResult(campaign));
    await expectUndone(migrations(), instanceId, before);
  });
});
