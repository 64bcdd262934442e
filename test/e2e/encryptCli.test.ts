import { execFile } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import type { CampaignStatus } from '../../src/client';
import { compileSources, removeCompiled } from '../support/compiled';
import { MigrationWorld } from '../support/migration';
import { anInstance } from '../support/seed';
import { TargetGroup } from '../support/targetGroups';
import { until } from '../support/until';

const SIGNED = ['--by', 'ann', '--reason', 'test'];
const CAMPAIGN = 'encrypt-team';

interface Answer {
  code: unknown;
  stdout: string;
  stderr: string;
}

describe('holdfast encrypt', () => {
  let migrations: MigrationWorld;
  let compiled = '';

  beforeAll(async () => {
    [migrations, compiled] = await Promise.all([MigrationWorld.open(), compileSources()]);
  });
  afterAll(async () => {
    await migrations.close();
    await removeCompiled(compiled);
  });

  function encrypt(...args: string[]): Promise<Answer> {
    const { address, namespace = 'default' } = migrations.world.temporal;
    const env = {
      TEMPORAL_ADDRESS: address,
      TEMPORAL_NAMESPACE: namespace,
      PATH: process.env.PATH,
      HOME: compiled,
    };
    const program = path.join(compiled, 'src/cli/holdfast.js');
    return new Promise((resolve) => {
      execFile(
        process.execPath,
        [program, 'encrypt', ...args],
        { env, cwd: compiled },
        (error, stdout, stderr) => resolve({ code: error ? error.code : 0, stdout, stderr }),
      );
    });
  }

  async function ok(...args: string[]): Promise<string> {
    const { code, stdout, stderr } = await encrypt(...args);
    expect([args, code, stderr]).toEqual([args, 0, '']);
    return stdout;
  }

  const status = async () =>
    JSON.parse((await encrypt('status', CAMPAIGN, '-o', 'json')).stdout) as CampaignStatus;

  it('plans, and says what cannot be moved and why', async () => {
    const { home } = migrations.world;
    const { instanceId } = await anInstance(home, { tags: { team: 'plan' } });
    const flags = ['--tag', 'team=plan', '--key', migrations.key];
    expect(await ok('plan', ...flags)).toMatch(
      new RegExp(
        `^MACHINE +VOLUMES +STRATEGY +DOWNTIME +SLOWER FOR +WHY\n${instanceId} +2, 18 GiB +clone +1 min 15 s +0.1 h +the shortest[^]*\nAbout \\$0.38 a day until the commit.*at most \\$0.90 a month`,
      ),
    );
    const group = await TargetGroup.near(home, instanceId);
    await group.register({ Id: instanceId });
    const remark = `${instanceId}: it is in target group ${group.name} and is not drained`;
    await until(async () => (await ok('plan', ...flags)).includes(remark));
    expect((await ok('plan', ...flags, '--drain', '10m')).replace(/\s+/g, ' ')).toMatch(
      new RegExp(`; leaves target group ${group.name} first, for up to 5 min before the stop`),
    );
    const blocked = await anInstance(home, { tags: { team: 'plan' }, publicIp: true });
    const file = path.join(compiled, 'input.json');
    await writeFile(file, JSON.stringify({ kmsKeyId: migrations.key, waves: [1, 'rest'] }));
    const planned = await encrypt(
      'plan',
      '--input',
      `@${file}`,
      '--tag',
      'team=plan',
      '--window',
      'sunday 22:00-04:00 Europe/Berlin',
    );
    expect(planned.code).toBe(3);
    // Long texts go on below.
    const inOneLine = (text: string) => text.replace(/\s+/g, ' ');
    expect(inOneLine(planned.stdout)).toMatch(
      new RegExp(` ${blocked.instanceId} blocked its public IPv4 .*associate an Elastic IP`),
    );
    expect(planned.stdout).toMatch(
      /1 machine would be encrypted in waves of 1; .*; the window opens Sunday \d/,
    );
    const json = await encrypt('plan', ...flags, '-o', 'json');
    expect(JSON.parse(json.stdout)).toMatchObject({
      plan: { items: [{ instanceId }] },
      skipped: { total: 1 },
    });
    expect(inOneLine(await ok('plan', ...flags, '--allow', 'assignedPublicIp'))).toMatch(
      new RegExp(` ${blocked.instanceId} .*; accepted: its public IPv4 .* changes with the stop`),
    );
  });

  it('plans with its warnings, which would wait for a person', async () => {
    const { home } = migrations.world;
    const { instanceId } = await anInstance(home, { tags: { team: 'iac', 'created-with': 'tofu' } });
    const planned = await encrypt('plan', '--tag', 'team=iac', '--key', migrations.key, '--reserve-capacity');
    expect(planned.code).toBe(3);
    expect(planned.stdout).toMatch(
      new RegExp(
        `\nWARNING ABOUT +WHAT TO APPROVE\n${instanceId} +OpenTofu owns it \\(its tag created-with=tofu\\)`,
      ),
    );
    expect(planned.stdout).toContain('warnings about 1 of them would wait for approval');
  });

  it('starts a campaign, leads it through its waves, and decides on its machines', async () => {
    const { home } = migrations.world;
    const made = [1, 2, 3].map(() => anInstance(home, { tags: { team: 'cli' } }));
    const instanceIds = (await Promise.all(made)).map(({ instanceId }) => instanceId);
    const flags = [
      '--key',
      migrations.key,
      '--waves',
      '1,rest',
      '--approve-each',
      '--concurrency',
      '2',
      '--soak',
      '1h',
    ];
    const started = await ok('start', '--tag', 'team=cli', ...flags, '--workflow-id', CAMPAIGN, '--detach');
    expect(JSON.parse(started)).toMatchObject({
      workflowId: CAMPAIGN,
      webUi: `/namespaces/default/workflows/${CAMPAIGN}`,
    });
    await until(async () => (await status()).phase === 'Waiting for approval');
    expect(await ok('status', CAMPAIGN)).toContain('Wave 2 of 2, 2 machines, waits for `approve`');
    for (const message of ['pause', 'resume', 'approve']) await ok(message, CAMPAIGN, ...SIGNED);
    const phases = async () => (await status()).machines.map(({ phase }) => phase);
    await until(async () => (await phases()).every((phase) => phase === 'Soaking'));
    const table = await ok('status', CAMPAIGN);
    expect(table).toMatch(
      /^encrypt-team: Succeeded, 3 encrypted\n\nMACHINE +STATE +PHASE +OUTCOME +DOWNTIME +SOAKS UNTIL/,
    );
    for (const id of instanceIds)
      expect(table).toMatch(new RegExp(`${id} +encrypted +Soaking +- +\\d+ s +\\d{4}-\\d\\d-\\d\\dT`));

    const [first = ''] = instanceIds;
    const machineId = migrations.machine(first).workflowId;
    const refused = await encrypt('rollback', machineId, ...SIGNED);
    expect(refused.code).toBe(2);
    const since = /"acceptWriteLossSince": "([^"]+)"/.exec(refused.stderr)?.[1] ?? '';
    await ok('rollback', machineId, ...SIGNED, '--accept-write-loss-since', since);
    const machine = async () => (await status()).machines.find(({ instanceId }) => instanceId === first);
    await until(async () => (await machine())?.phase === 'Done');
    expect(await machine()).not.toHaveProperty('soakUntil');
    const committed = await ok('commit', '--campaign', CAMPAIGN, '--yes', ...SIGNED, '-o', 'json');
    const told = JSON.parse(committed) as { instanceId: string; accepted: boolean }[];
    expect(told.map(({ instanceId }) => instanceId).sort()).toEqual(instanceIds.slice(1).sort());
    await until(async () => (await phases()).every((phase) => phase === 'Done'));
    expect(await encrypt('commit', '--campaign', CAMPAIGN, '--yes', ...SIGNED)).toMatchObject({
      code: 3,
      stdout: 'no migration of this campaign is open\n',
    });
  });

  it('prints the result, and exits with 1, where not everything happened', async () => {
    const { instanceId } = await anInstance(migrations.world.home, { publicIp: true });
    const ended = await encrypt('start', '--instance', instanceId, '--key', migrations.key);
    expect(ended.code).toBe(1);
    expect(JSON.parse(ended.stdout)).toMatchObject({ skipped: { total: 1 } });
    expect(ended.stderr).toContain('AllFailed');
  });

  it.each<[string[], string]>([
    [['plan', '--instance', 'i-0123456789abcdef0'], '--key: missing'],
    [['plan', '--tag', 'team'], 'not a tag'],
    [
      ['plan', '--instance', 'i-0123456789abcdef0', '--key', 'k', '--waves', '1,half'],
      'waves[1]: not the size',
    ],
    [['start', '--instance', 'i-0123456789abcdef0', '--key', 'k', '--window', 'never'], 'JSON'],
    [['commit', ...SIGNED], 'give the id of one machine or of its workflow, or --campaign'],
    [['status', 'nowhere'], 'there is no campaign nowhere'],
  ])('%j is one clear error', async (args, named) => {
    const { code, stdout, stderr } = await encrypt(...args);
    expect([code, stdout]).toEqual([2, '']);
    expect(stderr).toContain(named);
  });
});
