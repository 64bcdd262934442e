import {
  CreateAliasCommand,
  CreateKeyCommand,
  ReplicateKeyCommand,
  ScheduleKeyDeletionCommand,
} from '@aws-sdk/client-kms';
import { randomUUID } from 'node:crypto';
import { MockActivityEnvironment } from '@temporalio/testing';
import { createActivities } from '../../../src/activities';
import { FAILURE } from '../../../src/model/failures';
import { HOME_REGION } from '../../support/accounts';
import { aKey } from '../../support/seed';
import { aWorld, type World } from '../../support/world';

const ELSEWHERE = 'eu-west-1';

describe('a key that is not to be had under the name that was given', () => {
  let world: World;
  beforeAll(async () => {
    world = await aWorld({ worker: false });
  });
  afterAll(() => world.close());

  async function refusal(kmsKeyId: string): Promise<string> {
    const target = { accountId: world.home.accountId, region: HOME_REGION };
    const activities = createActivities(world.deps);
    const error = await new MockActivityEnvironment()
      .run((asked: { kmsKeyId: string }) => activities.requireUsableKey({ target, ...asked }), { kmsKeyId })
      .then(() => undefined)
      .catch((failure: unknown) => failure);
    expect(error).toMatchObject({ type: FAILURE.keyUnusable, nonRetryable: true });
    return (error as Error).message;
  }
  async function named(alias: string, region: string): Promise<string> {
    const arn = await aKey(world.home, region);
    const TargetKeyId = arn.split('/')[1];
    await world.home.kms(region).send(new CreateAliasCommand({ AliasName: alias, TargetKeyId }));
    return arn;
  }
  const anAlias = () => `alias/a-${randomUUID()}`;

  it('is in another region: the one with the same alias is named', async () => {
    const alias = anAlias();
    const elsewhere = await named(alias, ELSEWHERE);
    expect(await refusal(elsewhere)).toContain(`the key is in ${ELSEWHERE}; name one in ${HOME_REGION}`);
    await named(alias, HOME_REGION);
    expect(await refusal(elsewhere)).toContain(`the one for ${HOME_REGION} is ${alias}`);
    const arn = `arn:aws:kms:${ELSEWHERE}:${world.home.accountId}:${alias}`;
    expect(await refusal(arn)).toContain(`the one for ${HOME_REGION} is ${alias}`);
  });

  it('is in another region: its replica is named', async () => {
    const kms = world.home.kms(ELSEWHERE);
    const { KeyMetadata } = await kms.send(new CreateKeyCommand({ MultiRegion: true }));
    const { KeyId, Arn = '' } = KeyMetadata ?? {};
    const { ReplicaKeyMetadata } = await kms.send(
      new ReplicateKeyCommand({ KeyId, ReplicaRegion: HOME_REGION }),
    );
    expect(await refusal(Arn)).toContain(`the one for ${HOME_REGION} is ${ReplicaKeyMetadata?.Arn}`);
  });

  it('is in another region, where nobody may ask for its aliases', async () => {
    const elsewhere = await named(anAlias(), ELSEWHERE);
    world.proxy.fault('ListAliases', { before: { code: 'AccessDeniedException', status: 400 } });
    expect(await refusal(elsewhere)).toContain(`the key is in ${ELSEWHERE}; name one`);
    world.proxy.reset();
  });

  it('lacks its alias/', async () => {
    const alias = anAlias();
    await named(alias, HOME_REGION);
    expect(await refusal(alias.slice('alias/'.length))).toContain(`the alias is written ${alias}`);
    expect(await refusal('nobody')).toContain('none with the alias alias/nobody');
  });

  it.each([
    ['a space behind it', 'alias/ebs ', 'space'],
    ['no ARN of a key', 'arn:aws:kms:us-east-1:key/1', 'no ARN of a KMS key'],
    ['an ARN of a role', 'arn:aws:iam::123456789012:role/ops', 'no ARN of a KMS key'],
    ['another partition', 'arn:aws-cn:kms:cn-north-1:123456789012:alias/ebs', 'partition aws-cn'],
  ])('has %s', async (_what, kmsKeyId, problem) => {
    world.proxy.reset();
    expect(await refusal(kmsKeyId)).toContain(problem);
    expect(world.proxy.calls).toEqual([]);
  });

  it('is about to be deleted', async () => {
    const KeyId = await aKey(world.home);
    await world.home.kms().send(new ScheduleKeyDeletionCommand({ KeyId }));
    expect(await refusal(KeyId)).toContain('PendingDeletion');
  });
});
