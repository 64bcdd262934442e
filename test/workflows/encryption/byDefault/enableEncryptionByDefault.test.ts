import {
  DisableEbsEncryptionByDefaultCommand,
  GetEbsDefaultKmsKeyIdCommand,
  GetEbsEncryptionByDefaultCommand,
} from '@aws-sdk/client-ec2';
import { ScheduleKeyDeletionCommand } from '@aws-sdk/client-kms';
import { FAILURE } from '../../../../src/model/failures';
import type { EnableEncryptionByDefaultResult } from '../../../../src/model/encryption/encryptionDefault';
import { awaitResult } from '../../../support/awaitResult';
import { expectFailure, failedResult } from '../../../support/failure';
import { aKey } from '../../../support/seed';
import { until } from '../../../support/until';
import { aWorld, type World } from '../../../support/world';

const NONE = { enabled: false, kmsKeyId: '' };
const CHANGE = { target: { accountId: '123456789012', region: 'us-east-1' }, before: NONE, after: NONE };

describe('enableEncryptionByDefault', () => {
  let world: World;

  beforeAll(async () => {
    world = await aWorld({ otherAccounts: 1 });
  });
  afterAll(() => world.close());
  beforeEach(() => world.proxy.reset());

  const run = (input: unknown) =>
    world.run<EnableEncryptionByDefaultResult>('enableEncryptionByDefault', input);

  async function settingsOf(region: string) {
    const ec2 = world.home.ec2(region);
    const { EbsEncryptionByDefault } = await ec2.send(new GetEbsEncryptionByDefaultCommand({}));
    const { KmsKeyId } = await ec2.send(new GetEbsDefaultKmsKeyIdCommand({}));
    return { on: EbsEncryptionByDefault, key: KmsKeyId };
  }

  it('turns encryption by default on, with the key, in every region that was named', async () => {
    const [east, west] = await Promise.all([aKey(world.home), aKey(world.home, 'eu-west-1')]);
    const result = await run({ kmsKeyIds: { 'us-east-1': east, 'eu-west-1': west } });

    expect(result.summary).toBe('EBS encryption by default is on in 2 of 2 targets');
    expect(result.changed.items.map(({ before, after }) => [before.enabled, after.enabled])).toEqual([
      [false, true],
      [false, true],
    ]);
    expect(await settingsOf('us-east-1')).toEqual({ on: true, key: east });
    expect(await settingsOf('eu-west-1')).toEqual({ on: true, key: west });
  });

  it('leaves evidence and the outcome', async () => {
    const key = await aKey(world.home);
    const handle = await world.start('enableEncryptionByDefault', {
      kmsKeyIds: { 'us-east-1': key },
      requestedBy: 'ann',
    });
    await awaitResult(handle);

    const { runId, searchAttributes } = await handle.describe();
    expect(searchAttributes.HoldfastOutcome).toEqual(['Succeeded']);
    expect(world.evidence.values()).toContainEqual(
      expect.objectContaining({
        runId,
        outcome: 'Succeeded',
        request: expect.objectContaining({ requestedBy: 'ann' }) as unknown,
      }),
    );
  });

  it('puts a target that fails back as it was, and still does the others', async () => {
    const [east, west] = await Promise.all([aKey(world.home), aKey(world.home, 'eu-west-1')]);
    await run({ kmsKeyIds: { 'us-east-1': east } });
    const newKey = await aKey(world.home);
    world.proxy.fault(
      'EnableEbsEncryptionByDefault',
      { before: { code: 'UnauthorizedOperation', status: 403 } },
      1,
    );

    const result = await failedResult<EnableEncryptionByDefaultResult>(
      run({ kmsKeyIds: { 'us-east-1': newKey, 'eu-west-1': west } }),
      FAILURE.partialFailure,
    );

    expect(result.failed.items).toEqual([
      expect.objectContaining({ item: `${world.home.accountId}/us-east-1`, type: FAILURE.accessDenied }),
    ]);
    expect(result.changed.total).toBe(1);
    expect(await settingsOf('us-east-1')).toEqual({ on: true, key: east });
  });

  it('goes on when a response is lost or AWS throttles', async () => {
    const key = await aKey(world.home);
    world.proxy.fault('ModifyEbsDefaultKmsKeyId', { after: 'lose the response' }, 1);
    world.proxy.fault(
      'EnableEbsEncryptionByDefault',
      { before: { code: 'RequestLimitExceeded', status: 503 } },
      [1, 2],
    );

    await run({ kmsKeyIds: { 'us-east-1': key } });

    expect(world.proxy.callsOf('EnableEbsEncryptionByDefault')).toHaveLength(3);
    expect(await settingsOf('us-east-1')).toEqual({ on: true, key });
  });

  it('changes nothing where it is on already', async () => {
    const key = await aKey(world.home);
    await run({ kmsKeyIds: { 'us-east-1': key } });
    world.proxy.reset();
    const result = await run({ kmsKeyIds: { 'us-east-1': key } });
    expect(result.changed.items).toEqual([
      expect.objectContaining({
        before: { enabled: true, kmsKeyId: key },
        after: { enabled: true, kmsKeyId: key },
      }),
    ]);
    expect(world.proxy.mutations()).toEqual([]);
  });

  it('puts every target back when it is cancelled', async () => {
    const [east, west] = await Promise.all([aKey(world.home), aKey(world.home, 'eu-west-1')]);
    await run({ kmsKeyIds: { 'us-east-1': east, 'eu-west-1': west } });
    const [newEast, newWest] = await Promise.all([aKey(world.home), aKey(world.home, 'eu-west-1')]);
    world.proxy.reset();
    world.proxy.fault(
      'ModifyEbsDefaultKmsKeyId',
      { before: { code: 'RequestLimitExceeded', status: 503 } },
      [2, 3],
    );
    const handle = await world.start('enableEncryptionByDefault', {
      kmsKeyIds: { 'us-east-1': newEast, 'eu-west-1': newWest },
    });
    await until(() => world.proxy.callsOf('ModifyEbsDefaultKmsKeyId').length >= 2);
    await handle.cancel();
    await expect(handle.result()).rejects.toThrow();

    expect(await settingsOf('us-east-1')).toEqual({ on: true, key: east });
    expect(await settingsOf('eu-west-1')).toEqual({ on: true, key: west });
    const { searchAttributes } = await handle.describe();
    expect(searchAttributes.HoldfastOutcome).toEqual(['Cancelled']);
  });

  it('names both when targets without a region and keys do not fit together', async () => {
    const message = await expectFailure(
      run({ kmsKeyIds: { 'eu-west-1': 'alias/ebs' }, targets: [{}] }),
      FAILURE.invalidInput,
    );
    expect(message).toContain('targets: a target is in us-east-1');
    expect(message).toContain('kmsKeyIds: there is a key for eu-west-1');
    expect(world.proxy.mutations()).toEqual([]);
  });

  it('is undone by its own result, and not where somebody has changed it since', async () => {
    const [east, west, later] = await Promise.all([
      aKey(world.home),
      aKey(world.home, 'eu-west-1'),
      aKey(world.home),
    ]);
    const disabled = world.home.ec2('eu-west-1');
    await disabled.send(new DisableEbsEncryptionByDefaultCommand({}));
    const [eastBefore, westBefore] = [await settingsOf('us-east-1'), await settingsOf('eu-west-1')];
    const { changed } = await run({ kmsKeyIds: { 'us-east-1': east, 'eu-west-1': west } });

    const back = await run({ restore: changed.items });
    expect(back.summary).toBe('EBS encryption by default is as it was in 2 of 2 targets');
    expect([await settingsOf('us-east-1'), await settingsOf('eu-west-1')]).toEqual([eastBefore, westBefore]);
    world.proxy.reset();
    expect((await run({ restore: changed.items })).changed.total).toBe(2);
    expect(world.proxy.mutations()).toEqual([]);

    await run({ restore: back.changed.items });
    expect(await settingsOf('eu-west-1')).toEqual({ on: true, key: west });
    await run({ kmsKeyIds: { 'us-east-1': later } });
    const partly = await failedResult<EnableEncryptionByDefaultResult>(
      run({ restore: changed.items }),
      FAILURE.partialFailure,
    );
    expect(partly.failed.items).toEqual([
      expect.objectContaining({ item: `${world.home.accountId}/us-east-1`, type: FAILURE.conflict }),
    ]);
    expect(partly.failed.items[0]?.message).toContain(later);
    expect(await settingsOf('us-east-1')).toEqual({ on: true, key: later });
    expect(await settingsOf('eu-west-1')).toEqual(westBefore);
  });

  it('does not go back to a key that is about to be deleted', async () => {
    const [before, after] = [await aKey(world.home), await aKey(world.home)];
    await run({ kmsKeyIds: { 'us-east-1': before } });
    const { changed } = await run({ kmsKeyIds: { 'us-east-1': after } });
    await world.home.kms().send(new ScheduleKeyDeletionCommand({ KeyId: before }));
    world.proxy.reset();
    const { failed } = await failedResult<EnableEncryptionByDefaultResult>(
      run({ restore: changed.items }),
      FAILURE.allFailed,
    );
    expect(failed.items[0]).toMatchObject({ type: FAILURE.keyUnusable });
    expect(failed.items[0]?.message).toContain('PendingDeletion');
    expect(world.proxy.mutations()).toEqual([]);
    expect(await settingsOf('us-east-1')).toEqual({ on: true, key: after });
  });

  it('works in another account through its role', async () => {
    const other = world.others[0]!;
    const key = await aKey(other);
    const result = await run({ kmsKeyIds: { 'us-east-1': key }, targets: [{ accountId: other.accountId }] });
    expect(result.changed.items[0]?.target).toEqual({ accountId: other.accountId, region: 'us-east-1' });
  });

  it('fails as a whole when the key is unusable everywhere', async () => {
    const message = await expectFailure(run({ kmsKeyIds: { 'us-east-1': 'alias/none' } }), FAILURE.allFailed);
    expect(message).toContain('all 1 targets failed');
    expect(world.proxy.mutations()).toEqual([]);
  });

  it('refuses an account that the accounts file does not name, before any call there', async () => {
    await expectFailure(
      run({ kmsKeyIds: { 'us-east-1': 'alias/ebs' }, targets: [{ accountId: '999999999999' }] }),
      FAILURE.targetNotAllowed,
    );
    expect(world.proxy.calls).toEqual([]);
  });

  it.each([
    ['nothing', undefined],
    ['an array', []],
    ['a string', 'us-east-1'],
    ['no regions', { kmsKeyIds: {} }],
    ['an unknown field', { kmsKeyIds: { 'us-east-1': 'k' }, kmsKey: 'k' }],
    ['a wrong region', { kmsKeyIds: { virginia: 'k' } }],
    ['a target without a key', { kmsKeyIds: { 'us-east-1': 'k' }, targets: [{ region: 'eu-west-1' }] }],
    [
      'a key without a target',
      { kmsKeyIds: { 'us-east-1': 'k', 'eu-west-1': 'k' }, targets: [{ region: 'us-east-1' }] },
    ],
    ['nothing to restore', { restore: [] }],
    ['a key beside what is restored', { kmsKeyIds: { 'us-east-1': 'k' }, restore: [CHANGE] }],
    ['a change without what was before', { restore: [{ target: CHANGE.target }] }],
    ['no targets', { kmsKeyIds: { 'us-east-1': 'k' }, targets: [] }],
  ])('refuses %s as InvalidInput without an AWS call', async (_what, input) => {
    await expectFailure(run(input), FAILURE.invalidInput);
    expect(world.proxy.calls).toEqual([]);
  });
});
