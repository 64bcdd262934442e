import {
  CreateTagsCommand,
  DeleteSnapshotCommand,
  DisableImageCommand,
  LockSnapshotCommand,
  ModifySnapshotAttributeCommand,
  RegisterImageCommand,
  type Snapshot,
} from '@aws-sdk/client-ec2';
import { DisableKeyCommand, ScheduleKeyDeletionCommand } from '@aws-sdk/client-kms';
import { MockActivityEnvironment } from '@temporalio/testing';
import { createActivities } from '../../../src/activities';
import type { DeletedPoints } from '../../../src/activities/retention/expiry';
import { scheduleIds } from '../../../src/model/ids';
import type { ExpiryDecision } from '../../../src/model/points/retention';
import { BackupWorld, DAY, DR } from '../../support/backup';
import { aKey, anInstance, aVolume, tagsOf } from '../../support/seed';
import { until } from '../../support/until';
import { throughout } from '../../support/throughout';

describe('a point that was to be deleted', () => {
  const backups = throughout(() => BackupWorld.open({ retention: '1d', minKeep: 1, rpo: '3000d' }));
  const activities = () => createActivities(backups().world.deps);

  const ask = <Result>(call: () => Promise<Result>) =>
    new MockActivityEnvironment().run<[], Result, () => Promise<Result>>(call);
  const target = () => backups().target();
  const found = (policyName: string, region?: string) => backups().snapshots(policyName, region);

  /** Two points, of which the first is due, and the plan that says so. */
  async function due(
    policyName: string,
    more: object = {},
    daysBetween = 2,
  ): Promise<ExpiryDecision['expired']> {
    await backups().policy(policyName, { ...more });
    await backups().points(policyName, 2, daysBetween * DAY);
    const policies = await activities().policiesNow();
    const plan = await ask(() => activities().planExpiry({ target: target(), policies, except: [] }));
    const ids = (await found(policyName)).map((each) => tagsOf(each)['holdfast:recovery-point']);
    return plan.expired.filter(({ recoveryPointId }) => ids.includes(recoveryPointId));
  }
  const remove = (points: ExpiryDecision['expired']) =>
    ask<DeletedPoints>(() => activities().deletePoints({ target: target(), points }));
  const only = (points: ExpiryDecision['expired']) => points[0]?.snapshotIds[0] ?? '';

  it('goes when nothing has changed', async () => {
    await aVolume(backups().world.home, { tags: { policy: 'same' } });
    const points = await due('same');
    expect(await remove(points)).toEqual({
      deleted: points.map(({ recoveryPointId }) => recoveryPointId),
      failed: [],
      kept: [],
    });
    expect(await found('same')).toHaveLength(1);
  });

  const ec2 = () => backups().world.home.ec2();
  const register = (SnapshotId: string) =>
    ec2().send(
      new RegisterImageCommand({
        Name: SnapshotId,
        RootDeviceName: '/dev/xvda',
        BlockDeviceMappings: [{ DeviceName: '/dev/xvda', Ebs: { SnapshotId } }],
      }),
    );

  it.each<[string, string, (snapshotId: string, policyName: string) => Promise<unknown>]>([
    [
      'is marked as held',
      'legal hold',
      (id) =>
        ec2().send(
          new CreateTagsCommand({
            Resources: [id],
            Tags: [{ Key: 'holdfast:legal-hold:h', Value: 'case 7' }],
          }),
        ),
    ],
    [
      'is held, and the hold has not come to it yet',
      'legal hold',
      async (_id, policyName) => {
        backups().world.proxy.fault('CreateTags', { before: { code: 'UnauthorizedOperation', status: 403 } });
        const handle = await backups().world.start('setLegalHold', { policyName, reason: 'case 7' });
        await until(async () => (await handle.describe()).memo?.hold !== undefined);
        await until(async () => {
          for await (const { workflowId, memo } of backups().world.client.workflow.list({
            query: `WorkflowId = "${handle.workflowId}"`,
          }))
            if (workflowId === handle.workflowId && memo?.hold) return true;
          return false;
        });
      },
    ],
    [
      'is locked',
      'locked',
      (SnapshotId) =>
        ec2().send(new LockSnapshotCommand({ SnapshotId, LockMode: 'governance', LockDuration: 300 })),
    ],
    ['has an image', 'an image uses it', register],
    [
      'has a disabled image',
      'an image uses it',
      async (id) => ec2().send(new DisableImageCommand({ ImageId: (await register(id)).ImageId })),
    ],
    [
      'is the newest by now',
      'among the newest of its lineage',
      async (id, policyName) => {
        for (const { SnapshotId } of await found(policyName))
          if (SnapshotId !== id) await ec2().send(new DeleteSnapshotCommand({ SnapshotId }));
      },
    ],
    [
      'is of a policy that was paused',
      'its policy is paused',
      (_id, policyName) => backups().world.client.schedule.getHandle(scheduleIds.policy(policyName)).pause(),
    ],
  ])('stays when it %s', async (what, reason, happens) => {
    const policyName = what.replace(/\W+/g, '-');
    await aVolume(backups().world.home, { tags: { policy: policyName } });
    const points = await due(policyName);
    expect(points).toHaveLength(1);
    await happens(only(points), policyName);
    backups().world.proxy.calls.length = 0;
    expect(await remove(points)).toMatchObject({ deleted: [], failed: [], kept: [{ reason }] });
    expect(backups().world.proxy.callsOf('DeleteSnapshot')).toEqual([]);
    expect((await found(policyName)).map(({ SnapshotId }) => SnapshotId)).toContain(only(points));
  });

  it.each<[string, (KeyId: string, copy: Snapshot) => Promise<unknown>]>([
    [
      'its copy is gone',
      (_, { SnapshotId }) => backups().world.home.ec2(DR).send(new DeleteSnapshotCommand({ SnapshotId })),
    ],
    [
      'the key of its copy is disabled',
      (KeyId) => backups().world.home.kms(DR).send(new DisableKeyCommand({ KeyId })),
    ],
    [
      'the key of its copy is to be deleted',
      (KeyId) =>
        backups()
          .world.home.kms(DR)
          .send(new ScheduleKeyDeletionCommand({ KeyId, PendingWindowInDays: 7 })),
    ],
    [
      'the key of its copy cannot be asked for',
      () =>
        Promise.resolve(
          backups().world.proxy.fault('DescribeKey', {
            before: { code: 'AccessDeniedException', status: 400 },
          }),
        ),
    ],
    [
      'the place of its copy cannot be asked',
      () =>
        Promise.resolve(
          backups().world.proxy.fault(
            ({ action, params }) => action === 'DescribeSnapshots' && isOfPlace(params),
            {
              before: { code: 'UnauthorizedOperation', status: 403 },
            },
          ),
        ),
    ],
  ])('stays when %s', async (what, happens) => {
    const policyName = what.replace(/\W+/g, '-');
    const KeyId = await aKey(backups().world.home, DR);
    await aVolume(backups().world.home, {
      tags: { policy: policyName },
      kmsKeyId: await aKey(backups().world.home),
    });
    const points = await due(policyName, { copies: [{ toRegion: DR, kmsKeyId: KeyId, retention: '90d' }] });
    expect(points).toHaveLength(1);
    const copies = await found(policyName, DR);
    const copy = copies.find((each) => tagsOf(each)['holdfast:copy-of'] === only(points)) ?? {};
    await happens(KeyId, copy);
    expect(await remove(points)).toMatchObject({
      deleted: [],
      kept: [{ reason: 'a copy of it is running' }],
    });
    backups().world.proxy.reset();
    expect((await found(policyName)).map(({ SnapshotId }) => SnapshotId)).toContain(only(points));
  });

  it.each<[string, boolean, (KeyId: string, copy: Snapshot) => Promise<unknown>]>([
    [
      'stays when it is old and the key of its copy is disabled',
      true,
      (KeyId) => backups().world.home.kms(DR).send(new DisableKeyCommand({ KeyId })),
    ],
    [
      'stays when it is old and the key of its copy is to be deleted',
      true,
      (KeyId) =>
        backups()
          .world.home.kms(DR)
          .send(new ScheduleKeyDeletionCommand({ KeyId, PendingWindowInDays: 7 })),
    ],
    [
      'goes when it is old and has no copy: it will get none',
      false,
      (_, { SnapshotId }) => backups().world.home.ec2(DR).send(new DeleteSnapshotCommand({ SnapshotId })),
    ],
  ])('%s', async (what, stays, happens) => {
    const policyName = what.replace(/\W+/g, '-');
    const KeyId = await aKey(backups().world.home, DR);
    await aVolume(backups().world.home, {
      tags: { policy: policyName },
      kmsKeyId: await aKey(backups().world.home),
    });
    const copies = [{ toRegion: DR, kmsKeyId: KeyId, retention: '90d' }];
    const points = await due(policyName, { copies }, 10);
    expect(points).toHaveLength(1);
    const there = await found(policyName, DR);
    await happens(KeyId, there.find((each) => tagsOf(each)['holdfast:copy-of'] === only(points)) ?? {});
    expect((await remove(points)).deleted).toHaveLength(stays ? 0 : 1);
    expect(await found(policyName)).toHaveLength(stays ? 2 : 1);
  });
  /** What is asked of points by their ids is asked where their copies are. */
  const isOfPlace = (params: Readonly<Record<string, string>>) =>
    Object.values(params).includes('tag:holdfast:recovery-point');

  it('stays while nobody can use the key of what is newer: that may never be read again', async () => {
    const KeyId = await aKey(backups().world.home);
    await aVolume(backups().world.home, { tags: { policy: 'unread' }, kmsKeyId: KeyId });
    const points = await due('unread');
    expect(points).toHaveLength(1);
    await backups().world.home.kms().send(new DisableKeyCommand({ KeyId }));
    expect(await remove(points)).toMatchObject({
      deleted: [],
      kept: [{ reason: 'among the newest of its lineage' }],
    });
    expect(await found('unread')).toHaveLength(2);
  });

  it('goes whole or stays whole, as far as EC2 says so before', async () => {
    await anInstance(backups().world.home, { tags: { policy: 'whole' } });
    const points = await due('whole');
    backups().world.proxy.fault(
      'DryRun:DeleteSnapshot',
      { before: { code: 'UnauthorizedOperation', status: 403 } },
      1,
    );
    const { deleted, failed } = await remove(points);
    expect(deleted).toEqual([]);
    expect(failed).toMatchObject([{ item: points[0]?.recoveryPointId, type: 'AccessDenied' }]);
    expect(backups().world.proxy.callsOf('DeleteSnapshot')).toEqual([]);
    expect(await found('whole')).toHaveLength(4);
  });

  it('is named when it was halved all the same, and the next run finishes it', async () => {
    await anInstance(backups().world.home, { tags: { policy: 'halved' } });
    const points = await due('halved');
    backups().world.proxy.fault(
      'DeleteSnapshot',
      { before: { code: 'UnauthorizedOperation', status: 403 } },
      2,
    );
    const { failed } = await remove(points);
    const [gone, left] = points[0]?.snapshotIds ?? [];
    expect(failed[0]?.message).toMatch(
      new RegExp(
        `only a part of the set is deleted \\(${gone}\\).*${left} stayed, and the next run tries again`,
      ),
    );
    expect(await found('halved')).toHaveLength(3);
    await backups().world.run('enforceExpiry', {});
    expect(await found('halved')).toHaveLength(2);
  });

  it('is not archived when somebody uses it by now: archiving ends all sharing', async () => {
    await aVolume(backups().world.home, { tags: { policy: 'shared' } });
    const archive = { after: '30d', atMost: 2 };
    await due('shared', { frequency: '40d', retention: '20y', archive }, 40);
    const [first] = (await found('shared')).sort((a, b) => Number(a.StartTime) - Number(b.StartTime));
    const points = [
      {
        recoveryPointId: tagsOf(first ?? {})['holdfast:recovery-point'] ?? '',
        snapshotIds: [first?.SnapshotId ?? ''],
      },
    ];
    await ec2().send(
      new ModifySnapshotAttributeCommand({
        SnapshotId: first?.SnapshotId,
        CreateVolumePermission: { Add: [{ UserId: '123456789012' }] },
      }),
    );
    const call = () => activities().archivePoints({ target: target(), points });
    const { archived, left } = await ask(call);
    expect(archived).toEqual([]);
    expect(left?.[0]?.reason).toContain('shared with 123456789012');
    expect(backups().world.proxy.callsOf('ModifySnapshotTier')).toEqual([]);
  });
});
