import type { Snapshot } from '@aws-sdk/client-ec2';
import { HOOKS, HooksWorld } from '../../support/hooksWorld';
import { tagsOf } from '../../support/seed';

describe('VSS on Windows instances', () => {
  let hooks: HooksWorld;

  beforeAll(async () => {
    hooks = await HooksWorld.open();
  });
  afterAll(() => hooks.close());
  beforeEach(() => hooks.reset());

  async function windows(policyName: string): Promise<string> {
    const id = await hooks.machine(policyName);
    await hooks.guests.change(id, { platform: 'windows' });
    return id;
  }
  const own = (snapshot: Snapshot) =>
    Object.keys(tagsOf(snapshot)).filter((key) => key.startsWith('holdfast:')).length;

  it('has AWS’s document make their sets, with all tags; the others take pre and post', async () => {
    const [id, linux] = [await windows('vss'), await hooks.machine('vss')];
    await hooks.policy('vss', { ...HOOKS, vss: true });
    const { recoveryPoints, volumes } = await hooks.backUp('vss');
    expect(volumes).toBe(4);
    const consistency = recoveryPoints.items.map((point) => point.consistency);
    expect(consistency).toEqual(['application', 'application']);
    expect(hooks.sent().sort()).toEqual(['post', 'pre', 'vss']);
    expect(hooks.world.proxy.callsOf('CreateSnapshots')).toHaveLength(1);
    expect(new Set((await hooks.snapshotsOf('vss')).map(own)).size).toBe(1);
    expect((await hooks.storyOf(id)).snapshots).toEqual([true, true]);
    expect((await hooks.storyOf(linux)).snapshots).toEqual([true, true]);
  });

  it('sends the document once where the answer is lost', async () => {
    await windows('lost');
    await hooks.policy('lost', { vss: true });
    hooks.world.proxy.fault('SendCommand', { after: 'lose the response' }, 1);
    expect(await hooks.backUp('lost')).toMatchObject({ protected: 1, volumes: 2 });
    expect(hooks.sent()).toEqual(['vss']);
    expect(await hooks.snapshotsOf('lost')).toHaveLength(2);
  });

  it('finishes a set whose tags a lost attempt did not complete', async () => {
    await windows('half');
    await hooks.policy('half', { vss: true });
    hooks.world.proxy.fault('CreateTags', { before: { code: 'InternalError', status: 500 } }, 1);
    expect(await hooks.backUp('half')).toMatchObject({ protected: 1, volumes: 2 });
    expect(hooks.sent()).toEqual(['vss']);
    expect(await hooks.consistencyOf('half')).toEqual(['application', 'application']);
  });

  it('leaves nothing of a set whose document failed, and falls back where the policy says so', async () => {
    await windows('fails');
    await hooks.policy('fails', { vss: true });
    await hooks.befalls('vss', { fails: 'a writer timed out' });
    const { failed } = await hooks.failing('fails');
    expect(failed.items[0]?.message).toMatch(/VssInstallAndSnapshot failed: .*a writer timed out/);
    expect(await hooks.snapshotsOf('fails')).toEqual([]);
    await hooks.policy('fails', { vss: true, onFailure: 'crashConsistent' });
    const { recoveryPoints } = await hooks.backUp('fails');
    expect(recoveryPoints.items).toMatchObject([{ consistency: 'crash' }]);
    expect(await hooks.consistencyOf('fails')).toEqual(['crash', 'crash']);
  });

  it('leaves out boot volumes, and refuses to leave out others, which the document cannot', async () => {
    await windows('less');
    const all = { policy: 'less' };
    const without = (exclude: object) => ({ selector: { tags: { all }, exclude } });
    await hooks.policy('less', { vss: true }, without({ bootVolumes: true }));
    expect(await hooks.backUp('less')).toMatchObject({ volumes: 1 });
    expect(await hooks.consistencyOf('less')).toEqual(['application']);
    await hooks.policy('less', { vss: true }, without({ tags: { policy: 'nothing' } }));
    expect(await hooks.backUp('less')).toMatchObject({ volumes: 2 });
    const refused = hooks.policy('less', { vss: true }, without({ dataVolumes: true }));
    await expect(refused).rejects.toThrow(/hooks: vss: .*takes every data volume/);
  });

  it('takes a plain set of an instance that is not Windows, and says so', async () => {
    await hooks.machine('linux');
    await hooks.policy('linux', { vss: true });
    const { recoveryPoints } = await hooks.backUp('linux');
    const crashBecause = 'the policy has no hooks for it';
    expect(recoveryPoints.items).toMatchObject([{ consistency: 'crash', crashBecause }]);
  });
});
