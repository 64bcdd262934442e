import { StopInstancesCommand } from '@aws-sdk/client-ec2';
import { CreateDocumentCommand } from '@aws-sdk/client-ssm';
import { FAILURE } from '../../../src/model/failures';
import { HOOKS, HooksWorld, OR_CRASH } from '../../support/hooksWorld';
import { aVolume } from '../../support/seed';
import { until } from '../../support/until';

describe('hooks before and after a snapshot set', () => {
  let hooks: HooksWorld;

  beforeAll(async () => {
    hooks = await HooksWorld.open();
  });
  afterAll(() => hooks.close());
  beforeEach(() => hooks.reset());

  it('has the set taken while the guest is at rest, and the guest thawed', async () => {
    const id = await hooks.machine('calm');
    await hooks.policy('calm', HOOKS);
    const { recoveryPoints } = await hooks.backUp('calm');
    expect(recoveryPoints.items).toMatchObject([{ resourceId: id, consistency: 'application' }]);
    expect(await hooks.storyOf(id)).toEqual({
      marks: ['frozen', 'thawed'],
      snapshots: [true, true],
      frozen: false,
    });
    expect(await hooks.consistencyOf('calm')).toEqual(['application', 'application']);
    expect(hooks.sent()).toEqual(['pre', 'post']);
    const [pre] = hooks.world.proxy.callsOf('SendCommand');
    expect(pre?.params.DocumentName).toBe('AWS-RunShellScript');
    const parameters = { commands: HOOKS.pre.commands, executionTimeout: ['120'] };
    expect(JSON.parse(pre?.params.Parameters ?? '')).toEqual(parameters);
  });

  it('speaks PowerShell to Windows, and runs documents with their own parameters', async () => {
    const [id, windows] = [await hooks.machine('shells'), await hooks.machine('shells')];
    await hooks.guests.change(windows, { platform: 'windows' });
    const target = { accountId: hooks.world.home.accountId, region: 'us-east-1' };
    const Content = JSON.stringify({ schemaVersion: '2.2', description: 'freezes', mainSteps: [] });
    await hooks.world.sessions
      .ssm(target, 'backup')
      .send(new CreateDocumentCommand({ Name: 'My-Freeze', Content, DocumentType: 'Command' }));
    const parameters = { Commands: ['fsfreeze -f /data'] };
    await hooks.policy('shells', { ...HOOKS, pre: { document: 'My-Freeze', parameters } });
    await hooks.backUp('shells');
    const sent = hooks.world.proxy.callsOf('SendCommand').map(({ params }) => params);
    const documents = (instanceId: string) =>
      sent.filter((each) => each.InstanceIds?.includes(instanceId)).map((each) => each.DocumentName);
    expect(documents(id)).toEqual(['My-Freeze', 'AWS-RunShellScript']);
    expect(documents(windows)).toEqual(['My-Freeze', 'AWS-RunPowerShellScript']);
    expect(JSON.parse(sent[0]?.Parameters ?? '')).toEqual(parameters);
    expect((await hooks.storyOf(windows)).snapshots).toEqual([true, true]);
  });

  it('calls nothing but CreateSnapshots while the guest is frozen', async () => {
    await hooks.machine('brief');
    await hooks.policy('brief', HOOKS);
    await hooks.backUp('brief');
    const actions = hooks.world.proxy.calls.map(({ action }) => action);
    const between = actions.slice(actions.indexOf('SendCommand') + 1, actions.lastIndexOf('SendCommand'));
    expect(between.filter((action) => action !== 'ListCommandInvocations')).toEqual(['CreateSnapshots']);
  });

  it('asks nothing of SSM for a policy without hooks, and says nothing of consistency', async () => {
    await hooks.machine('plain');
    await hooks.policy('plain');
    const { recoveryPoints } = await hooks.backUp('plain');
    expect(recoveryPoints.items[0]).not.toHaveProperty('consistency');
    expect(await hooks.consistencyOf('plain')).toEqual([undefined, undefined]);
    const ofSsm = hooks.world.proxy.calls.filter(({ action }) => /Command|InstanceInformation/.test(action));
    expect(ofSsm).toEqual([]);
  });

  it('leaves standalone volumes alone', async () => {
    await aVolume(hooks.world.home, { tags: { policy: 'alone' } });
    await hooks.policy('alone', HOOKS);
    expect(await hooks.backUp('alone')).toMatchObject({ protected: 1 });
    expect(await hooks.consistencyOf('alone')).toEqual([undefined]);
    expect(hooks.sent()).toEqual([]);
  });

  it('needs no commands for a stopped instance', async () => {
    const id = await hooks.machine('stopped');
    await hooks.world.home.ec2().send(new StopInstancesCommand({ InstanceIds: [id] }));
    await until(async () => (await hooks.guests.of(id)).agent === 'none');
    await hooks.policy('stopped', HOOKS);
    const { recoveryPoints } = await hooks.backUp('stopped');
    expect(recoveryPoints.items).toMatchObject([{ consistency: 'application' }]);
    expect(hooks.sent()).toEqual([]);
  });

  const WRONG = [
    ['fails', { fails: 'no such file system' }, /pre failed: Failed: no such file system/],
    ['hangs', { hangs: true }, /pre failed: Execution Timed Out/],
  ] as const;

  it.each(WRONG)('takes no point where pre %s, thaws, and the others go on', async (name, effect, says) => {
    const policyName = `abort-${name}`;
    await hooks.machine(policyName);
    await hooks.machine(policyName);
    await hooks.policy(policyName, HOOKS);
    await hooks.befalls('pre', effect, { nth: [1] });
    const { failed, recoveryPoints } = await hooks.failing(policyName, FAILURE.partialFailure);
    expect(failed).toMatchObject({ total: 1, items: [{ type: FAILURE.hookFailed }] });
    expect(failed.items[0]?.message).toMatch(says);
    const story = await hooks.storyOf(failed.items[0]?.item ?? '');
    expect(story).toEqual({ marks: ['frozen', 'thawed'], snapshots: [], frozen: false });
    expect(recoveryPoints.items).toMatchObject([{ consistency: 'application' }]);
  });

  it.each(WRONG)('takes a crash-consistent point where pre %s, and says so', async (name, effect, says) => {
    const policyName = `crash-${name}`;
    const id = await hooks.machine(policyName);
    await hooks.policy(policyName, OR_CRASH);
    await hooks.befalls('pre', effect);
    const { recoveryPoints } = await hooks.backUp(policyName);
    expect(recoveryPoints.items).toMatchObject([{ consistency: 'crash' }]);
    expect(recoveryPoints.items[0]?.crashBecause).toMatch(says);
    expect(await hooks.consistencyOf(policyName)).toEqual(['crash', 'crash']);
    expect(await hooks.storyOf(id)).toMatchObject({ snapshots: [false, false], frozen: false });
  });

  it('shows what is only crash-consistent in the table of the run', async () => {
    const id = await hooks.machine('shown');
    await hooks.policy('shown', OR_CRASH);
    await hooks.befalls('pre', { fails: 'no such file system' });
    const run = await hooks.world.start('backupTarget', await hooks.slotOf('shown'));
    await run.result();
    const progress = JSON.stringify(await run.query('progress', {}));
    expect(progress).toMatch(new RegExp(`${id}.*only crash-consistent: .*no such file system`));
  });

  it('keeps the point, and reports the guest, where post fails', async () => {
    const id = await hooks.machine('frozen');
    await hooks.policy('frozen', HOOKS);
    await hooks.befalls('post', { fails: 'device busy' });
    const { failed, recoveryPoints } = await hooks.failing('frozen');
    expect(failed.items).toMatchObject([{ item: id, type: FAILURE.hookFailed }]);
    expect(failed.items[0]?.message).toMatch(
      /may still be frozen: post failed: Failed: device busy .*thaw it by hand: fsfreeze -u \/data/,
    );
    expect(recoveryPoints.items).toMatchObject([{ consistency: 'application' }]);
    expect(await hooks.storyOf(id)).toMatchObject({ snapshots: [true, true], frozen: true });
  });

  it('names an instance that SSM does not manage, and the fix; nothing was frozen, and nothing is thawed', async () => {
    const id = await hooks.machine('unmanaged');
    await hooks.guests.change(id, { agent: 'none' });
    await hooks.policy('unmanaged', HOOKS);
    const { failed } = await hooks.failing('unmanaged');
    expect(failed.items[0]?.message).toContain(`${id} in ${hooks.world.home.accountId}/us-east-1: pre`);
    expect(failed.items[0]?.message).toMatch(/InvalidInstanceId.*AmazonSSMManagedInstanceCore/);
    expect(hooks.sent()).toEqual(['pre']);
    await hooks.policy('unmanaged', OR_CRASH);
    const { recoveryPoints } = await hooks.backUp('unmanaged');
    expect(recoveryPoints.items).toMatchObject([{ consistency: 'crash' }]);
  });

  it('does not wait for an agent that does not answer; what never reached the guest froze nothing', async () => {
    const id = await hooks.machine('offline');
    await hooks.guests.change(id, { agent: 'offline' });
    await hooks.policy('offline', HOOKS);
    const { failed } = await hooks.failing('offline');
    expect(failed.items[0]?.message).toMatch(/pre failed: Delivery Timed Out .*SSM Agent has to run/);
    expect(failed.items[0]?.message).not.toContain('may still be frozen');
    expect(hooks.sent()).toEqual(['pre']);
    await hooks.policy('offline', OR_CRASH);
    expect((await hooks.backUp('offline')).recoveryPoints.items).toMatchObject([{ consistency: 'crash' }]);
  });

  it('leaves the thaw waiting for an agent that went away while the guest was frozen', async () => {
    const id = await hooks.machine('away');
    await hooks.policy('away', HOOKS);
    const goes = async () => void (await hooks.guests.change(id, { agent: 'offline' }));
    hooks.world.proxy.fault('CreateSnapshots', { held: goes }, 1);
    const { failed, recoveryPoints } = await hooks.failing('away');
    expect(failed.items[0]?.message).toMatch(/may still be frozen: post failed: Delivery Timed Out/);
    expect(recoveryPoints.items).toMatchObject([{ consistency: 'application' }]);
    const [, post] = hooks.world.proxy.callsOf('SendCommand');
    expect(post?.params.TimeoutSeconds).toBe('3600');
  });

  it('names the permission that is missing', async () => {
    await hooks.machine('denied');
    await hooks.policy('denied', HOOKS);
    const refusal = { code: 'AccessDeniedException', message: 'not authorized' };
    for (const action of ['SendCommand', 'ListCommands']) {
      hooks.world.proxy.reset();
      hooks.world.proxy.fault(action, { before: refusal });
      const { failed } = await hooks.failing('denied');
      expect(failed.items).toMatchObject([{ type: FAILURE.accessDenied }]);
      expect(failed.items[0]?.message).toContain(`allow ssm:${action} there`);
    }
  });

  it('freezes again for a set that ended in error', async () => {
    const id = await hooks.machine('again');
    await hooks.policy('again', HOOKS);
    const effect = { fails: 'An internal error' };
    await hooks.aws.control.post('faults', { action: 'CreateSnapshots', effect, nth: [1] });
    expect(await hooks.backUp('again')).toMatchObject({ protected: 1, failed: { total: 0 } });
    expect(hooks.sent()).toEqual(['pre', 'post', 'pre', 'post']);
    expect(await hooks.storyOf(id)).toMatchObject({ snapshots: [true, true], frozen: false });
  });
});
