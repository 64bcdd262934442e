import type { EncryptVolumesResult } from '../../../../src/model/encryption/campaign/campaign';
import { FAILURE } from '../../../../src/model/failures';
import { awaitResult } from '../../../support/awaitResult';
import { failedResult } from '../../../support/failure';
import { Guests } from '../../../support/guests';
import { MESSAGE, MigrationWorld } from '../../../support/migration';
import { anInstance, stopped } from '../../../support/seed';

const byId = (volumeId = '') =>
  `/dev/disk/by-id/nvme-Amazon_Elastic_Block_Store_${volumeId.replace('-', '')}`;

describe('mounts by volume id', () => {
  let migrations: MigrationWorld;
  let guests: Guests;

  beforeAll(async () => {
    migrations = await MigrationWorld.open();
    guests = new Guests(migrations.world.proxy.upstream.origin, migrations.world.home);
  });
  afterAll(() => migrations.close());
  beforeEach(() => migrations.world.proxy.reset());

  const machine = async (fstab: (data: string) => string) => {
    const made = await anInstance(migrations.world.home);
    const files = { '/etc/fstab': fstab(made.volumes['/dev/sdf'] ?? '') };
    await guests.change(made.instanceId, { files });
    return made;
  };
  const plan = (...instanceIds: string[]): Promise<EncryptVolumesResult> =>
    migrations.encrypt({ instanceIds, dryRun: true });

  it('are warned of with their file and line, in one command for all machines', async () => {
    const named = await machine((data) => `UUID=1 / ext4\n${byId(data)} /data xfs defaults 0 0\n`);
    const comment = await machine((data) => `# ${byId(data)} /data\nUUID=2 /data xfs\n`);
    const other = await machine(() => `${byId('vol-0aaaaaaaaaaaaaaaa')} /data xfs\n`);
    const { plan: planned, notChecked } = await plan(
      ...[named, comment, other].map(({ instanceId }) => instanceId),
    );
    expect(planned?.items.map(({ warnings }) => warnings)).toEqual([
      [{ kind: 'mountById', text: expect.stringContaining('/etc/fstab, line 2, names vol-') as string }],
      undefined,
      undefined,
    ]);
    expect(notChecked).toEqual([expect.stringContaining('starts of the last quarter')]);
    expect(migrations.world.proxy.callsOf('SendCommand')).toHaveLength(1);
  });

  it('hold a campaign until they are approved, for one machine or for all', async () => {
    const [first, second] = [
      await machine((data) => `${byId(data)} /data xfs\n`),
      await machine((data) => `${byId(data)} /data xfs\n`),
    ];
    const instanceIds = [first.instanceId, second.instanceId];
    const campaign = await migrations.start({ instanceIds });
    await migrations.phase(campaign, 'Waiting for approval');
    await campaign.executeUpdate('approve', { args: [{ ...MESSAGE, items: [first.instanceId] }] });
    const result = await failedResult<EncryptVolumesResult>(awaitResult(campaign), FAILURE.partialFailure);
    expect(result.skipped.items[0]?.reasons[0]).toContain('/etc/fstab, line 1');
  });

  it('are not checked, and no warning, where nobody can look', async () => {
    const line = (data: string) => `${byId(data)} /data xfs\n`;
    const [silent, windows, down] = [await machine(line), await machine(line), await machine(line)];
    await guests.change(silent.instanceId, { agent: 'offline' });
    await guests.change(windows.instanceId, { platform: 'windows' });
    await stopped(migrations.world.home, down.instanceId);
    const ids = [silent, windows, down].map(({ instanceId }) => instanceId);
    const { plan: planned, notChecked } = await plan(...ids);
    expect(planned?.items.flatMap(({ warnings = [] }) => warnings)).toEqual([]);
    expect(notChecked).toEqual([
      expect.stringContaining('starts of the last quarter'),
      `Not checked: mounts by volume id of ${down.instanceId}: it is stopped`,
      `Not checked: mounts by volume id of ${silent.instanceId}: its SSM Agent does not answer`,
    ]);
    expect(migrations.world.proxy.callsOf('SendCommand')).toEqual([]);
  });

  it('say what they would need, and what went wrong', async () => {
    const { instanceId } = await machine((data) => `${byId(data)} /data xfs\n`);
    const { proxy } = migrations.world;
    proxy.fault('SendCommand', { before: { code: 'AccessDeniedException', status: 400 } });
    expect((await plan(instanceId)).notChecked?.join()).toContain('it needs ssm:SendCommand');
    proxy.reset();
    proxy.fault('SendCommand', { before: { code: 'InvalidInstanceId', status: 400 } });
    expect((await plan(instanceId)).notChecked?.join()).toContain('InvalidInstanceId');
  });
});
