import { DeleteSnapshotCommand } from '@aws-sdk/client-ec2';
import type { ApplyRetentionResult } from '../../../src/model/retention/applyRetention';
import { FAILURE } from '../../../src/model/failures';
import type { PolicyPlan } from '../../../src/model/policies/policyPlan';
import { BackupWorld, DR, HOUR } from '../../support/backup';
import { expectFailure, failedResult } from '../../support/failure';
import { aVolume, tagsOf } from '../../support/seed';
import { until } from '../../support/until';
import { throughout } from '../../support/throughout';

describe('shorter terms for points that are there', () => {
  const backups = throughout(() => BackupWorld.open({ minKeep: 1 }));

  const apply = (policyName: string, retention: object, more: object = {}) =>
    backups().policy(policyName, { retention, ...more });
  const found = (policyName: string, region?: string) => backups().snapshots(policyName, region);

  /** Four points, four hours apart, of which a hundred are to be kept. */
  async function fourPoints(
    policyName: string,
    more: object = {},
    terms: object = { count: 100 },
  ): Promise<void> {
    await aVolume(backups().world.home, { tags: { policy: policyName } });
    await apply(policyName, terms, more);
    await backups().points(policyName, 4, 4 * HOUR);
  }
  const termsOf = async (policyName: string, region?: string) =>
    (await found(policyName, region)).map((each) => tagsOf(each)['holdfast:retention']);
  const change = (policyName: string, dryRun?: boolean) =>
    backups().world.run<ApplyRetentionResult>('applyRetention', {
      policyName,
      ...(dryRun !== undefined && { dryRun }),
    });
  it('are those of new points alone, and the policy says so', async () => {
    await fourPoints('said');
    const plan = await backups().world.run<PolicyPlan>(
      'planBackupPolicy',
      backups().policyOf('said', { retention: { count: 2 } }),
    );
    const { status, remarks } = await apply('said', { count: 2 });
    expect(status).toBe('UPDATED');
    expect(remarks).toEqual([expect.stringMatching(/points that are there keep the terms .*newest 100/)]);
    expect(plan.remarks).toEqual(remarks);
    await backups().expire();
    expect(await found('said')).toHaveLength(4);
    expect((await apply('said', { count: 2 })).remarks).toBeUndefined();
  });

  it('are told before, and change nothing, until somebody wants them', async () => {
    await fourPoints('shorter');
    const before = await termsOf('shorter');
    expect(await change('shorter')).toMatchObject({ changed: 0, goes: 0 });
    await apply('shorter', { count: 2 });
    expect(await change('shorter')).toMatchObject({
      dryRun: true,
      changed: 4,
      goes: 2,
      failed: { total: 0 },
    });
    expect(await termsOf('shorter')).toEqual(before);
    expect(await change('shorter', false)).toMatchObject({ dryRun: false, changed: 4, goes: 2 });
    expect(await found('shorter')).toHaveLength(4);
    await backups().expire();
    expect(await found('shorter')).toHaveLength(2);
    expect(await change('shorter', false)).toMatchObject({ changed: 0, goes: 0 });
  });

  it('never take the last good ones', async () => {
    await fourPoints('last', { minKeep: 3 });
    await apply('last', { keep: '5h' }, { minKeep: 3 });
    backups().world.clock.offset += 3 * HOUR;
    expect(await change('last', false)).toMatchObject({ changed: 4, goes: 1 });
    await backups().expire();
    expect(await found('last')).toHaveLength(3);
  });

  it('are those of the copies where copies are', async () => {
    await fourPoints('copied', { copies: [{ toRegion: DR, retention: { count: 100 } }] });
    await apply('copied', { count: 100 }, { copies: [{ toRegion: DR, retention: { count: 2 } }] });
    const { places, ...result } = await change('copied', false);
    expect(result).toMatchObject({ changed: 4, goes: 2 });
    expect(places.items).toMatchObject([{ target: { region: DR }, changed: 4, goes: 2 }]);
    await backups().expire(DR);
    expect(await found('copied', DR)).toHaveLength(2);
    expect(await found('copied')).toHaveLength(4);
  });

  it('say what could not be changed, and change it at the next time', async () => {
    await fourPoints('denied');
    await apply('denied', { count: 2 });
    backups().world.proxy.fault('CreateTags', { before: { code: 'UnauthorizedOperation', status: 403 } });
    const { failed } = await failedResult<ApplyRetentionResult>(
      change('denied', false),
      FAILURE.partialFailure,
    );
    expect(failed.total).toBe(4);
    backups().world.proxy.reset();
    expect(await change('denied', false)).toMatchObject({ changed: 4, failed: { total: 0 } });
  });

  it('are of a policy that is there', async () => {
    await expectFailure(change('nobody'), FAILURE.policyNotFound);
  });

  it('are what goes by them, with copies that are not there yet', async () => {
    const more = { copies: [{ toRegion: DR, retention: { count: 100 } }] };
    await fourPoints('uncopied', more, { keep: '90d' });
    for (const { SnapshotId } of await found('uncopied', DR))
      await backups().world.home.ec2(DR).send(new DeleteSnapshotCommand({ SnapshotId }));
    await apply('uncopied', { keep: '5h' }, more);
    backups().world.clock.offset += 3 * HOUR;
    const told = await change('uncopied', false);
    expect(told.goes).toBe(0);
    await backups().expire();
    expect(await found('uncopied')).toHaveLength(4);
  });

  it('that are taken back while they are being applied are not applied', async () => {
    await fourPoints('regretted');
    await apply('regretted', { count: 2 });
    backups().world.proxy.fault('CreateTags', { before: { code: 'RequestLimitExceeded', status: 503 } });
    const running = change('regretted', false);
    await until(() => backups().world.proxy.callsOf('CreateTags').length > 0);
    await apply('regretted', { count: 100 });
    backups().world.proxy.reset();
    const { failed } = await failedResult<ApplyRetentionResult>(running, FAILURE.partialFailure);
    expect(failed.items[0]?.message).toContain('was changed or deleted meanwhile');
    await backups().expire();
    expect(await found('regretted')).toHaveLength(4);
  });
});
