import {
  CopySnapshotCommand,
  CreateVolumeCommand,
  DeleteSnapshotCommand,
  DescribeSnapshotsCommand,
  ModifySnapshotAttributeCommand,
  type ModifySnapshotAttributeCommandInput,
} from '@aws-sdk/client-ec2';
import type { TestAccount } from '../../support/accounts';
import { completed, snapshotOf, aKey, aVolume } from '../../support/seed';
import { accountsUnderTest } from '../../support/underTest';

/** https://docs.aws.amazon.com/ebs/latest/userguide/ebs-modifying-snapshot-permissions.html */
describe('sharing snapshots', () => {
  let owner: TestAccount;
  let partner: TestAccount;

  beforeAll(async () => {
    [owner, partner] = (await accountsUnderTest(2)) as [TestAccount, TestAccount];
  });
  afterAll(() => [owner, partner].forEach((account) => account.destroy()));

  async function aSnapshot(KmsKeyId?: string): Promise<string> {
    const VolumeId = await aVolume(owner, { size: 1 });
    const SnapshotId = await snapshotOf(owner, VolumeId);
    if (!KmsKeyId) return SnapshotId;
    const copy = await owner.ec2().send(
      new CopySnapshotCommand({
        SourceRegion: 'us-east-1',
        SourceSnapshotId: SnapshotId,
        Encrypted: true,
        ...(KmsKeyId !== 'default' && { KmsKeyId }),
      }),
    );
    return completed(owner, copy.SnapshotId);
  }
  const modify = (SnapshotId: string, how: Omit<ModifySnapshotAttributeCommandInput, 'SnapshotId'>) =>
    owner
      .ec2()
      .send(new ModifySnapshotAttributeCommand({ SnapshotId, Attribute: 'createVolumePermission', ...how }));
  const seen = async (SnapshotId: string): Promise<boolean> => {
    const call = partner.ec2().send(new DescribeSnapshotsCommand({ SnapshotIds: [SnapshotId] }));
    return call.then(
      ({ Snapshots }) => Snapshots?.length === 1,
      (error: unknown) => {
        expect(error).toMatchObject({ name: 'InvalidSnapshot.NotFound' });
        return false;
      },
    );
  };

  it.each([
    [
      'operation and ids',
      (id: string) => ({ OperationType: 'add' as const, UserIds: [id] }),
      (id: string) => ({ OperationType: 'remove' as const, UserIds: [id] }),
    ],
    [
      'permissions',
      (UserId: string) => ({ CreateVolumePermission: { Add: [{ UserId }] } }),
      (UserId: string) => ({ CreateVolumePermission: { Remove: [{ UserId }] } }),
    ],
  ])('shows and hides one by %s', async (_, add, remove) => {
    const id = await aSnapshot();
    expect(await seen(id)).toBe(false);
    await modify(id, add(partner.accountId));
    expect(await seen(id)).toBe(true);
    await modify(id, remove(partner.accountId));
    expect(await seen(id)).toBe(false);
  });

  it('lets the other account copy it and make volumes of it, and nothing else', async () => {
    const id = await aSnapshot();
    await modify(id, { OperationType: 'add', UserIds: [partner.accountId] });
    const copy = await partner
      .ec2()
      .send(new CopySnapshotCommand({ SourceRegion: 'us-east-1', SourceSnapshotId: id }));
    expect(copy.SnapshotId).toMatch(/^snap-/);
    await partner
      .ec2()
      .send(new CreateVolumeCommand({ AvailabilityZone: 'us-east-1a', SnapshotId: id, VolumeType: 'gp3' }));
    const removed = partner.ec2().send(new DeleteSnapshotCommand({ SnapshotId: id }));
    await expect(removed).rejects.toThrow();
    expect(await seen(id)).toBe(true);
  });

  it('is refused for one under the default key', async () => {
    const id = await aSnapshot('default');
    const call = modify(id, { OperationType: 'add', UserIds: [partner.accountId] });
    await expect(call).rejects.toMatchObject({ name: 'InvalidParameter' });
  });

  it('never makes an encrypted one public', async () => {
    const id = await aSnapshot(await aKey(owner));
    const call = modify(id, { OperationType: 'add', GroupNames: ['all'] });
    await expect(call).rejects.toMatchObject({ name: 'OperationNotPermitted' });
  });
});
