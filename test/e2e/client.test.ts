import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { DisableEbsEncryptionByDefaultCommand } from '@aws-sdk/client-ec2';
import {
  createBackupPolicy,
  CrossAccountAmiManager,
  EncryptionManager,
  FAILURE,
  Holdfast,
  OperationFailed,
  readPolicyFile,
  SnapshotManager,
  type CostComparison,
  type PolicyPlan,
  type PolicyState,
} from '../../src/client';
import { compileSources, removeCompiled } from '../support/compiled';
import { ROOT } from '../support/paths';
import { aKey, anInstance, aVolume } from '../support/seed';
import { until } from '../support/until';
import { aWorld, type World } from '../support/world';

describe('the client', () => {
  let world: World;
  let holdfast: Holdfast;
  let environment: Record<string, string>;

  beforeAll(async () => {
    world = await aWorld({ otherAccounts: 1 });
    environment = {
      TEMPORAL_ADDRESS: world.temporal.address,
      TEMPORAL_NAMESPACE: world.temporal.namespace ?? 'default',
    };
    holdfast = await Holdfast.connect(environment);
  });
  afterAll(async () => {
    await holdfast.close();
    await world.close();
  });

  // What the next test starts shall not be born encrypted.
  afterEach(() => world.home.ec2().send(new DisableEbsEncryptionByDefaultCommand({})));

  it('plays the snapshot lab', async () => {
    await anInstance(world.home, { tags: { tier: 'critical' } });
    const snapshots = new SnapshotManager(holdfast);
    const policy = readPolicyFile(path.join(ROOT, 'policies/critical.yaml'));
    expect(await snapshots.createBackupPolicy(policy)).toMatchObject({
      policyName: 'critical',
      status: 'CREATED',
    });
    expect(await snapshots.runBackup({ policyName: 'critical' })).toMatchObject({
      policyName: 'critical',
      status: 'COMPLETED',
      selected: 1,
      protected: 1,
    });
    expect(await snapshots.deleteBackupPolicy({ policyName: 'critical' })).toEqual({
      policyName: 'critical',
      status: 'DELETED',
    });
  });

  it('plays the encryption and the image lab', async () => {
    const encryption = new EncryptionManager(holdfast);
    const { keyId } = await encryption.createCustomerManagedKey({
      description: 'lab key',
      keyUsage: 'ENCRYPT_DECRYPT',
    });
    const on = await encryption.enableEbsEncryptionByDefault({ kmsKeyIds: { 'us-east-1': keyId } });
    expect(on.summary).toBe('EBS encryption by default is on in 1 of 1 targets');

    const { instanceId } = await anInstance(world.home);
    const partner = world.others[0]?.accountId ?? '';
    const images = new CrossAccountAmiManager(holdfast);
    const shared = await images.createShareableAmi({
      instanceId,
      amiName: 'golden',
      description: 'for partners',
      partnerAccounts: [partner],
      kmsKeyId: keyId,
    });
    expect(shared).toMatchObject({ success: true, sharedWith: { items: [partner] } });
  });

  it('throws what happened when not everything did', async () => {
    const kmsKeyId = await aKey(world.home);
    const kmsKeyIds = { 'us-east-1': kmsKeyId, 'eu-west-1': 'alias/none' };
    const failure: unknown = await new EncryptionManager(holdfast)
      .enableEbsEncryptionByDefault({ kmsKeyIds }, { workflowId: 'two-regions' })
      .catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(OperationFailed);
    expect(failure).toMatchObject({
      type: FAILURE.partialFailure,
      workflowId: 'two-regions',
      result: { changed: { total: 1 }, failed: { items: [{ type: FAILURE.keyUnusable }] } },
    });
    expect(await holdfast.operation('two-regions').progress()).toMatchObject({ phase: 'PartialFailure' });
  });

  it('approves a campaign, and hears why a message makes no sense', async () => {
    const [{ instanceId }, kmsKeyId] = await Promise.all([anInstance(world.home), aKey(world.home)]);
    const campaign = await holdfast.start('encryptVolumes', {
      instanceIds: [instanceId],
      kmsKeyId,
      requireApproval: true,
      soak: '15m',
    });
    const unsigned = campaign.approve({ by: '', reason: 'because' });
    await expect(unsigned).rejects.toMatchObject({ name: 'OperationFailed', type: FAILURE.invalidInput });
    await expect(unsigned).rejects.toThrow('by: say who you are');
    await campaign.approve({ by: 'a test', reason: 'because' });
    const { encrypted } = await campaign.result();
    expect(encrypted.items).toMatchObject([{ instanceId, volumes: 2 }]);
    const migration = holdfast.operation(encrypted.items[0]?.workflowId ?? '');
    await migration.commit({ by: 'a test', reason: 'it runs' });
    await migration.result();
  });

  describe('from a shell', () => {
    let compiled = '';
    let folder = '';
    beforeAll(async () => {
      [compiled, folder] = await Promise.all([
        compileSources(),
        mkdtemp(path.join(tmpdir(), 'holdfast-cli-')),
      ]);
    });
    afterAll(async () => {
      await removeCompiled(compiled);
      await rm(folder, { recursive: true, force: true });
    });

    interface Answer {
      code: unknown;
      stdout: string;
      stderr: string;
    }

    function cli(...args: string[]): Promise<Answer> {
      const env = { ...environment, PATH: process.env.PATH, HOME: folder };
      return new Promise((resolve) => {
        const program = path.join(compiled, 'src/cli/holdfast.js');
        execFile(process.execPath, [program, ...args], { env, cwd: folder }, (error, stdout, stderr) =>
          resolve({ code: error ? error.code : 0, stdout, stderr }),
        );
      });
    }

    it('prints the result', async () => {
      const kmsKeyId = await aKey(world.home);
      const input = path.join(folder, 'input.json');
      await writeFile(input, JSON.stringify({ kmsKeyIds: { 'us-east-1': kmsKeyId } }));
      const { code, stdout } = await cli('run', 'enableEncryptionByDefault', '--input', `@${input}`);
      expect(code).toBe(0);
      expect(JSON.parse(stdout)).toMatchObject({ changed: { total: 1 } });
    });

    it('says what failed, and still prints what did happen', async () => {
      const input = JSON.stringify({ kmsKeyIds: { 'us-east-1': 'alias/none' } });
      const failed = await cli(
        'run',
        'enableEncryptionByDefault',
        '--input',
        input,
        '--workflow-id',
        'by-hand',
      );
      expect(failed.code).toBe(1);
      expect(failed.stderr).toMatch(/^holdfast: AllFailed: .* \(workflow by-hand\)\n$/);
      expect(JSON.parse(failed.stdout)).toMatchObject({ failed: { total: 1 } });
      expect(JSON.parse((await cli('progress', 'by-hand')).stdout)).toMatchObject({ phase: 'AllFailed' });
    });

    it('plans, applies, lists, pauses, runs and deletes policies', async () => {
      const file = path.join(folder, 'office.yaml');
      const shipped = await readFile(path.join(ROOT, 'policies/development.yaml'), 'utf8');
      await writeFile(
        file,
        shipped
          .replace('name: development', 'name: office')
          .replace('environment: development', 'site: office'),
      );
      const json = async <Answer = unknown>(code: number, ...args: string[]): Promise<Answer> => {
        const ended = await cli('policy', ...args);
        expect([args, ended.code, ended.stderr]).toEqual([args, code, '']);
        return JSON.parse(ended.stdout) as Answer;
      };
      expect(await json(0, 'validate', file, '-o', 'json')).toEqual({ valid: ['office'] });
      // 3: it selects nothing yet.
      const [plan] = await json<PolicyPlan[]>(3, 'plan', file, '-o', 'json');
      expect(plan?.change).toBe('CREATE');
      expect(plan?.problems[0]).toContain('selects nothing');
      await aVolume(world.home, { tags: { site: 'office' } });
      const said = await cli('policy', 'plan', file);
      expect(said.stdout).toMatch(/office: CREATE\n.*: 1 volume by itself, 1 volume of 10 GiB in all/s);
      expect(said.stdout).toMatch(/at 1 \/ 5 \/ 20 % changed a day: \d+ \/ \d+ \/ \d+ USD in the first year/);

      const place = `${world.home.accountId}/us-east-1`;
      expect((await cli('inventory', '--tag', 'site=office')).stdout).toMatch(
        new RegExp(`^${place}: 1 volume by itself\n\nNAME .*\n.* vol-\\w+ .* 10 GiB \\w+ +no +none\n$`),
      );

      expect(await json(0, 'apply', file, '-o', 'json')).toMatchObject([{ status: 'CREATED' }]);
      const there = await cli('inventory', '--policy', 'office', '-o', 'json');
      expect(JSON.parse(there.stdout)).toMatchObject({
        volumes: {
          items: expect.arrayContaining([expect.objectContaining({ policies: ['office'] })]) as unknown,
        },
      });
      expect(await json(0, 'apply', file, '--existing', '-o', 'json')).toMatchObject([
        { status: 'UNCHANGED', existing: { dryRun: true, changed: 0, goes: 0 } },
      ]);
      expect((await cli('policy', 'apply', file, '--existing', '--yes')).stdout).toMatch(
        /^office UNCHANGED; .*\n {2}0 points that are there got other terms/,
      );
      const applied = Date.now();
      expect(await json(0, 'plan', file, '-o', 'json')).toMatchObject([{ change: 'UNCHANGED' }]);
      const office = async () =>
        (await json<PolicyState[]>(0, 'list', '-o', 'json')).find(
          ({ policyName }) => policyName === 'office',
        );
      expect(await office()).toMatchObject({ every: '1 d', state: 'never ran' });

      const begun = await json<{ workflowId: string }>(0, 'run', 'office');
      expect(begun).toMatchObject({ policyName: 'office', triggered: true });
      expect((await office())?.lastRun?.workflowId).toBe(begun.workflowId);
      await until(async () => (await office())?.lastRun?.outcome === 'Succeeded');
      expect(await office()).toMatchObject({ state: 'ok', missed: 0 });
      await json(0, 'pause', 'office', '--note', 'moving house');
      expect(await office()).toMatchObject({ state: 'paused', note: 'moving house' });
      expect((await cli('policy', 'list')).stdout).toMatch(/^POLICY +EVERY[^]*\noffice +1 d +7d/);
      await json(0, 'resume', 'office', '--note', 'done');
      const iso = (at: number) => new Date(at).toISOString();
      const refusal = async (from: string, to: string) => {
        const { code, stderr } = await cli('policy', 'backfill', 'office', '--from', from, '--to', to);
        expect(code).toBe(2);
        return stderr;
      };
      expect(await refusal('1', '2')).toContain('write it in ISO 8601 with its offset');
      expect(await refusal('2026-11-20', '2026-11-21')).toContain('ISO 8601');
      expect(await refusal(iso(Date.now()), iso(applied))).toContain('has to be before');
      expect(await refusal(iso(applied), iso(Date.now() + 60_000))).toContain('in the future');
      expect(await refusal(iso(applied - 86_400_000), iso(applied))).toContain('before the policy was made');
      expect(
        await json(0, 'backfill', 'office', '--from', iso(applied), '--to', iso(Date.now())),
      ).toMatchObject({ backfilled: { slots: expect.any(Number) as number } });
      await json(0, 'delete', 'office', '--yes');
      expect(await office()).toBeUndefined();
    });

    it('lists a policy whose last run failed as not compliant', async () => {
      await createBackupPolicy(holdfast, {
        policyName: 'idle',
        frequency: '1d',
        retention: '7d',
        selector: { tags: { all: { nothing: 'here' } } },
      });
      await cli('policy', 'run', 'idle');
      await until(async () => (await cli('policy', 'list')).code === 3);
      expect((await cli('policy', 'list')).stdout).toMatch(/idle .* Failed /);
      await cli('policy', 'delete', 'idle', '--yes');
    });

    it('prices policies without connecting to anything', async () => {
      const { code, stdout } = await cli('cost', '-o', 'json', path.join(ROOT, 'policies/critical.yaml'));
      expect(code).toBe(0);
      const { policies, years } = JSON.parse(stdout) as CostComparison;
      expect(policies).toEqual(['critical']);
      expect(years.map(({ dailyChange }) => dailyChange)).toEqual([0.01, 0.05, 0.2]);
      const shipped = await cli('cost', '--volumes', '10');
      expect(shipped.stdout).toMatch(/by archive, critical, development, hourly, production;/);
      expect(shipped.stdout).toMatch(/^5 % +naive +\d+ /m);
      expect(shipped.stdout).toMatch(/Holdfast saves \d+ % to \d+ % of the naive way/);
      expect((await cli('cost', '--volumes', 'many')).code).toBe(2);
      const none = await cli('cost', path.join(folder, 'none.yaml'));
      expect(none).toMatchObject({
        code: 2,
        stderr: expect.stringContaining('none.yaml: cannot be read') as unknown,
      });
    });

    it('names the line of a wrong policy file', async () => {
      const wrong = path.join(folder, 'wrong.yaml');
      await writeFile(wrong, 'apiVersion: holdfast/v1\nkind: BackupPlan\n');
      const refused = await cli('policy', 'apply', wrong);
      expect(refused.code).toBe(2);
      expect(refused.stderr).toContain('wrong.yaml:2: kind');
    });
  });
});
