import { FAILURE } from '../../../src/model/failures';
import type { EncryptVolumesResult } from '../../../src/model/encryption/campaign/campaign';
import type { MigrateMachineResult } from '../../../src/model/moves/migration';
import type { ProgressPage } from '../../../src/model/progress';
import { awaitResult } from '../../support/awaitResult';
import { expectOnlyEncryptionChanged, expectUndone } from '../../support/claims';
import { expectFailure, failedResult } from '../../support/failure';
import { GuestWorld } from '../../support/guestWorld';
import { ANY_LOSS } from '../../support/migration';
import { anInstance, stopped } from '../../support/seed';
import { throughout } from '../../support/throughout';

const PRE = { commands: ['fsfreeze -f /data'], timeout: '1m' };
const POST = { commands: ['fsfreeze -u /data'], timeout: '1m' };
const HOOKS = { pre: PRE, post: POST };
const NOTHING = { made: 0, marked: 0, snapshots: 0 };
const DENIED = { before: { code: 'UnauthorizedOperation', status: 403 } };

describe('hooks of a migration', () => {
  const opened = throughout(() => GuestWorld.open());
  const migrations = () => opened().migrations;

  const machine = async () => (await anInstance(migrations().world.home)).instanceId;
  const allFailed = (run: Promise<unknown>) => failedResult<EncryptVolumesResult>(run, FAILURE.allFailed);
  /** Hooks by their step, stops and starts, in the order in which they were called; what looks for mounts has no mark. */
  const steps = () =>
    migrations().world.proxy.calls.flatMap(({ action, params }) => {
      if (action === 'SendCommand') return params.Comment?.split('/')[2] ?? [];
      return /^(Stop|Start)Instances$/.test(action) ? action : [];
    });
  const fails = (step: string) =>
    opened().aws.control.post('faults', {
      action: 'SendCommand',
      parameters: { Comment: `holdfast/*/${step}/*` },
      effect: { fails: 'no space left' },
    });

  async function remarksOf(instanceId: string): Promise<ProgressPage['rows']> {
    return (await migrations().machine(instanceId).query<ProgressPage>('progress')).rows;
  }

  it('run in the guest right before the stop and after the status checks, before the health checks', async () => {
    const instanceId = await machine();
    const before = await migrations().stateOf(instanceId);
    let frozenAtStop: boolean | undefined;
    const seen = migrations().meanwhile('StopInstances', async () => {
      frozenAtStop = (await opened().guests.of(instanceId)).frozen;
    });
    const healthChecks = [{ command: ['true'] }];
    await migrations().encrypt({ instanceIds: [instanceId], hooks: HOOKS, healthChecks });
    await seen;
    expect(steps()).toEqual(['pre', 'StopInstances', 'StartInstances', 'post', 'check1']);
    expect(frozenAtStop).toBe(true);
    expect((await opened().guests.of(instanceId)).frozen).toBe(false);
    expectOnlyEncryptionChanged(before, await migrations().stateOf(instanceId));
    expect(await remarksOf(instanceId)).toMatchObject(
      expect.arrayContaining([expect.objectContaining({ item: 'hook post', state: 'done' })]) as object,
    );
  });

  it('end the migration before the stop where pre fails, and let the guest go on', async () => {
    const instanceId = await machine();
    const before = await migrations().stateOf(instanceId);
    await fails('pre');
    const { rolledBack } = await allFailed(migrations().encrypt({ instanceIds: [instanceId], hooks: HOOKS }));
    expect(rolledBack.items[0]?.message).toMatch(/HookFailed: .*hook pre failed: Failed: no space left/);
    expect(steps()).toEqual(['pre', 'post-back']);
    expect((await opened().guests.of(instanceId)).frozen).toBe(false);
    await expectUndone(migrations(), instanceId, before);
  });

  it('end what hangs, and let the guest go on', async () => {
    const instanceId = await machine();
    const before = await migrations().stateOf(instanceId);
    const parameters = { Comment: 'holdfast/*/pre/*' };
    await opened().aws.control.post('faults', { action: 'SendCommand', parameters, effect: { hangs: true } });
    await allFailed(migrations().encrypt({ instanceIds: [instanceId], hooks: HOOKS }));
    expect(steps()).toEqual(['pre', 'post-back']);
    expect((await opened().guests.of(instanceId)).frozen).toBe(false);
    expect(await migrations().stateOf(instanceId)).toEqual(before);
  });

  it('do nothing in a guest that pre never reached', async () => {
    const instanceId = await machine();
    const before = await migrations().stateOf(instanceId);
    migrations().world.proxy.fault('SendCommand', { before: { code: 'AccessDeniedException', status: 400 } });
    const { rolledBack } = await allFailed(migrations().encrypt({ instanceIds: [instanceId], hooks: HOOKS }));
    expect(rolledBack.items[0]?.message).toContain('allow ssm:SendCommand');
    expect(steps()).toEqual(['pre']);
    expect(await migrations().stateOf(instanceId)).toEqual(before);
  });

  it('put the machine back where post fails, whose guest goes on even so', async () => {
    const instanceId = await machine();
    await migrations().writeTo(instanceId);
    const [before, content] = [
      await migrations().stateOf(instanceId),
      await migrations().contentOf(instanceId),
    ];
    await fails('post');
    const { rolledBack } = await allFailed(migrations().encrypt({ instanceIds: [instanceId], hooks: HOOKS }));
    expect(rolledBack.items[0]?.message).toContain('hook post failed: Failed: no space left');
    expect(steps()).toEqual([
      ...['pre', 'StopInstances', 'StartInstances', 'post'],
      ...['StopInstances', 'StartInstances', 'post-back'],
    ]);
    expect((await opened().guests.of(instanceId)).frozen).toBe(false);
    expect(await migrations().stateOf(instanceId)).toEqual(before);
    expect(await migrations().contentOf(instanceId)).toEqual(content);
    expect(await migrations().leftovers(instanceId, before)).toEqual(NOTHING);
  });

  it('hold no rollback up: what they say then is told', async () => {
    const instanceId = await machine();
    const before = await migrations().stateOf(instanceId);
    await fails('post*');
    await allFailed(migrations().encrypt({ instanceIds: [instanceId], hooks: HOOKS }));
    expect(await migrations().stateOf(instanceId)).toEqual(before);
    expect(await remarksOf(instanceId)).toMatchObject(
      expect.arrayContaining([
        expect.objectContaining({ item: 'hook post, going back', state: 'failed' }),
      ]) as object,
    );
  });

  it('run in the rollback of a soak too, where a pre that fails keeps nobody from going back', async () => {
    const instanceId = await machine();
    const before = await migrations().stateOf(instanceId);
    await migrations().encrypt({ instanceIds: [instanceId], hooks: HOOKS });
    const handle = await migrations().pinned(instanceId);
    migrations().world.proxy.reset();
    await fails('pre-back');
    await migrations().tell(instanceId, 'rollback', ANY_LOSS);
    expect((await awaitResult<MigrateMachineResult>(handle)).outcome).toBe('rolledBack');
    expect(steps()).toEqual(['pre-back', 'StopInstances', 'StartInstances', 'post-back']);
    expect((await opened().guests.of(instanceId)).frozen).toBe(false);
    expect(await migrations().stateOf(instanceId)).toEqual(before);
  });

  it.each<[string, object, string[]]>([
    ['pre', { pre: PRE }, ['pre', 'StopInstances', 'StartInstances']],
    ['post', { post: POST }, ['StopInstances', 'StartInstances', 'post']],
  ])('may be %s alone', async (_, hooks, expected) => {
    const instanceId = await machine();
    await migrations().encrypt({ instanceIds: [instanceId], hooks });
    expect(steps()).toEqual(expected);
  });

  it('of a post alone do not run where the machine was not stopped', async () => {
    const instanceId = await machine();
    const before = await migrations().stateOf(instanceId);
    migrations().world.proxy.fault('CreateTags', DENIED, 1);
    await allFailed(
      migrations().encrypt({ instanceIds: [instanceId], strategy: 'direct', hooks: { post: POST } }),
    );
    expect(steps()).toEqual([]);
    expect(await migrations().stateOf(instanceId)).toEqual(before);
  });

  it.each(['SendCommand', 'ListCommandInvocations'])(
    'run once when the answer of %s is lost',
    async (action) => {
      const instanceId = await machine();
      migrations().world.proxy.fault(action, { after: 'lose the response' }, 1);
      await migrations().encrypt({ instanceIds: [instanceId], hooks: HOOKS });
      expect(steps()).toEqual(['pre', 'StopInstances', 'StartInstances', 'post']);
    },
  );

  it('are made good by the next run where one was terminated between pre and the stop', async () => {
    const instanceId = await machine();
    const terminate = () => migrations().machine(instanceId).terminate('test');
    // The first looks for mounts, when the campaign is planned.
    const terminated = migrations().meanwhile('SendCommand', terminate, 2);
    const first = await migrations().start({ instanceIds: [instanceId], hooks: HOOKS });
    await terminated;
    await first.terminate('test');
    migrations().world.proxy.reset();
    await migrations().encrypt({ instanceIds: [instanceId], hooks: HOOKS });
    expect(steps()).toEqual(['post-back', 'pre', 'StopInstances', 'StartInstances', 'post']);
    expect((await opened().guests.of(instanceId)).frozen).toBe(false);
  });

  it.each(['none', 'offline'] as const)('refuse a machine whose agent is %s', async (agent) => {
    const instanceId = await machine();
    await opened().guests.change(instanceId, { agent });
    migrations().world.proxy.reset();
    const { skipped } = await migrations().encrypt({ instanceIds: [instanceId], hooks: HOOKS, dryRun: true });
    expect(skipped.items[0]?.reasons[0]).toMatch(/^hooks: pre and post cannot run, because .*SSM/);
    await allFailed(migrations().encrypt({ instanceIds: [instanceId], hooks: HOOKS }));
    expect(migrations().world.proxy.mutations()).toEqual([]);
  });

  it('are not run on a machine that is stopped', async () => {
    const instanceId = await machine();
    await stopped(migrations().world.home, instanceId);
    migrations().world.proxy.reset();
    await migrations().encrypt({ instanceIds: [instanceId], hooks: HOOKS });
    expect(steps()).toEqual([]);
  });

  it('are refused before any call where they say nothing to run', async () => {
    const encrypt = (hooks: object) =>
      expectFailure(
        migrations().encrypt({ instanceIds: ['i-0123456789abcdef0'], hooks }),
        FAILURE.invalidInput,
      );
    expect(await encrypt({})).toContain('hooks: say pre, post or both');
    expect(await encrypt({ pre: {} })).toContain('hooks.pre: say what to run: either commands or a document');
    expect(migrations().world.proxy.calls).toEqual([]);
  });
});
