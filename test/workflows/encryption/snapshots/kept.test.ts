import {
  CreateTagsCommand,
  LockSnapshotCommand,
  ModifySnapshotAttributeCommand,
  ModifySnapshotTierCommand,
  RegisterImageCommand,
} from '@aws-sdk/client-ec2';
import { FAILURE } from '../../../../src/model/failures';
import type { EncryptSnapshotsResult } from '../../../../src/model/encryption/snapshots/snapshotEncryption';
import { HOME_REGION } from '../../../support/accounts';
import { awaitResult } from '../../../support/awaitResult';
import { failedResult } from '../../../support/failure';
import { aKey } from '../../../support/seed';
import { SnapshotWorld } from '../../../support/snapshotEncryption';

const PARTNER = '210987654321';

describe('snapshots that encryptSnapshots leaves as they are', () => {
  let snapshots: SnapshotWorld;

  beforeAll(async () => {
    snapshots = await SnapshotWorld.open();
  });
  afterAll(() => snapshots.close());
  beforeEach(() => snapshots.reset());

  const ec2 = () => snapshots.world.home.ec2();
  async function imageOf(SnapshotId: string): Promise<string> {
    const { ImageId = '' } = await ec2().send(
      new RegisterImageCommand({
        Name: `of-${SnapshotId}`,
        Architecture: 'x86_64',
        RootDeviceName: '/dev/xvda',
        VirtualizationType: 'hvm',
        BlockDeviceMappings: [{ DeviceName: '/dev/xvda', Ebs: { SnapshotId } }],
      }),
    );
    return ImageId;
  }
  const lock = (SnapshotId: string) =>
    ec2().send(new LockSnapshotCommand({ SnapshotId, LockMode: 'governance', LockDuration: 2000 }));
  const share = (SnapshotId: string, ...added: { UserId?: string; Group?: 'all' }[]) =>
    ec2().send(new ModifySnapshotAttributeCommand({ SnapshotId, CreateVolumePermission: { Add: added } }));
  const tag = (id: string, Key: string, Value: string) =>
    ec2().send(new CreateTagsCommand({ Resources: [id], Tags: [{ Key, Value }] }));
  const serviceTag = (resourceId: string, key: string) =>
    snapshots.aws.control.post('service-tags', {
      accountId: snapshots.world.home.accountId,
      region: HOME_REGION,
      resourceId,
      tags: { [key]: 'x' },
    });

  it('are those for whose copies the region’s quota has no room, which time does not change', async () => {
    const [one = '', two = ''] = await snapshots.someSnapshots('quota', 2);
    await snapshots.aws.control.post('faults', {
      action: 'CopySnapshot',
      effect: { error: { code: 'SnapshotLimitExceeded', message: 'You have reached the limit' } },
    });
    const run = snapshots.run(snapshots.named('quota'));
    const failure = await failedResult<EncryptSnapshotsResult>(run, FAILURE.allFailed);
    expect(failure.failed.items).toMatchObject([1, 2].map(() => ({ type: FAILURE.quotaExceeded })));
    expect(failure.failed.items[0]?.message).toContain('the quota “Snapshots per Region”');
    expect(await snapshots.ids('quota')).toEqual([one, two].sort());
  });

  it('are named with every reason, and neither copied nor touched', async () => {
    const reasons: Record<string, RegExp[]> = {};
    const kept = async (...why: RegExp[]) => {
      const id = await snapshots.aSnapshot('kept');
      reasons[id] = why;
      return id;
    };
    const used = await kept(/^image ami-\w+ uses it/, /^it is on legal hold \(h1: case 7\)/);
    await imageOf(used);
    await tag(used, 'holdfast:legal-hold:h1', 'case 7');
    await lock(await kept(/^it is locked until \d{4}-.*: run this again then/));
    await share(await kept(new RegExp(`^it is shared with ${PARTNER}, who would lose it`)), {
      UserId: PARTNER,
    });
    await share(await kept(/^it is shared with everybody/), { Group: 'all' });
    await ec2().send(
      new ModifySnapshotTierCommand({
        SnapshotId: await kept(/^it is in the archive: restore it first/),
        StorageTier: 'archive',
      }),
    );
    await serviceTag(await kept(/^AWS Backup looks after it/), 'aws:backup:source-resource');
    await serviceTag(await kept(/^Data Lifecycle Manager looks after it/), 'aws:dlm:lifecycle-policy-id');
    const many = await kept(/^it has 49 tags, and EC2 takes 50: remove \d, so that those of its copy fit/);
    const Tags = Array.from({ length: 48 }, (_, made) => ({ Key: `t${made}`, Value: 'x' }));
    await ec2().send(new CreateTagsCommand({ Resources: [many], Tags }));
    const [underKey, underOther] = [snapshots.key, await aKey(snapshots.world.home)];
    const done = {
      [await snapshots.aSnapshot('kept', { kmsKeyId: underKey })]: [
        /^it is encrypted under this key already/,
      ],
      [await snapshots.aSnapshot('kept', { kmsKeyId: underOther })]: [
        /^it is encrypted already, under another key/,
      ],
    };
    const before = await snapshots.snapshots('kept');
    snapshots.world.proxy.reset();
    const failure = await failedResult<EncryptSnapshotsResult>(
      snapshots.run(snapshots.named('kept')),
      FAILURE.partialFailure,
    );
    const said = Object.fromEntries(failure.skipped.items.map(({ item, reasons: why }) => [item, why]));
    for (const [id, expected] of Object.entries({ ...reasons, ...done })) {
      expect({ id, said: said[id] }).toEqual({
        id,
        said: expected.map((why) => expect.stringMatching(why) as string),
      });
    }
    expect(failure).toMatchObject({ skipped: { total: 10 }, failed: { total: 0 }, encrypted: { total: 0 } });
    expect(failure.residue.snapshots.items).toEqual(expect.arrayContaining(Object.keys(reasons)));
    expect(snapshots.world.proxy.mutations()).toEqual([]);
    expect(await snapshots.snapshots('kept')).toEqual(before);
  });

  it('are looked at again at the commit: their copies go, and they stay', async () => {
    const [imaged = '', locked = '', held = '', shared = '', free = '', lost = ''] =
      await snapshots.someSnapshots('changed', 6);
    const handle = await snapshots.copied(snapshots.named('changed'));
    await imageOf(imaged);
    await lock(locked);
    await tag(held, 'holdfast:legal-hold:h2', 'case 8');
    await share(shared, { UserId: PARTNER });
    const [copyOfLost] = await snapshots.tagged('holdfast:encrypted-from', lost);
    await snapshots.deleteSnapshot(copyOfLost?.SnapshotId ?? '');
    await tag(free, 'owner', 'new');
    await snapshots.tell(handle, 'commit');
    const failure = await failedResult<EncryptSnapshotsResult>(awaitResult(handle), FAILURE.partialFailure);
    const said = Object.fromEntries(failure.skipped.items.map(({ item, reasons }) => [item, reasons.join()]));
    expect(said).toEqual({
      [imaged]: expect.stringContaining('uses it') as string,
      [locked]: expect.stringContaining('it is locked') as string,
      [held]: expect.stringContaining('legal hold (h2: case 8)') as string,
      [shared]: expect.stringContaining(PARTNER) as string,
    });
    expect(failure.failed.items).toEqual([
      { item: lost, type: FAILURE.resourceFailed, message: expect.stringContaining('is gone') as string },
    ]);
    const copyId = failure.snapshotIdMap[free] ?? '';
    expect(await snapshots.ids('changed')).toEqual([imaged, locked, held, shared, lost, copyId].sort());
    expect((await snapshots.tagged('owner', 'new')).map(({ SnapshotId }) => SnapshotId)).toEqual([copyId]);
  });

  it('are also those that EC2 itself refuses to delete, whatever the look said', async () => {
    const [original = ''] = await snapshots.someSnapshots('refused', 1);
    const handle = await snapshots.copied(snapshots.named('refused'));
    const code = 'InvalidSnapshot.InUse';
    snapshots.world.proxy.fault(
      'DeleteSnapshot',
      { before: { code, status: 400, message: 'in use by ami-1' } },
      1,
    );
    await snapshots.tell(handle, 'commit');
    const failure = await failedResult<EncryptSnapshotsResult>(awaitResult(handle), FAILURE.allFailed);
    expect(failure.skipped.items).toEqual([
      { item: original, reasons: [expect.stringContaining('in use by ami-1')] },
    ]);
    expect(await snapshots.ids('refused')).toEqual([original]);
  });
});
