import {
  CreateTagsCommand,
  DescribeInstanceAttributeCommand,
  ModifyInstanceAttributeCommand,
} from '@aws-sdk/client-ec2';
import { ApplicationFailure } from '@temporalio/common';
import type { EncryptVolumesResult } from '../../../../src/model/encryption/campaign/campaign';
import { FAILURE } from '../../../../src/model/failures';
import type { MigrateMachineResult } from '../../../../src/model/moves/migration';
import { awaitResult } from '../../../support/awaitResult';
import { expectFailure, failedResult } from '../../../support/failure';
import { ANY_LOSS, MigrationWorld } from '../../../support/migration';
import { anInstance, instance } from '../../../support/seed';

/** What keeps a machine from being moved, met for real; the words of each are in test/model/moves/migration.test.ts. */
describe('encryptVolumes, where something forbids it', () => {
  let migrations: MigrationWorld;
  /** Machines whose address is not told after a migration. */
  const unreadable = new Set<string>();

  beforeAll(async () => {
    migrations = await MigrationWorld.open({
      override: ({ ...real }) => ({
        publicIpOf: (asked) => {
          if (unreadable.has(asked.instanceId)) throw ApplicationFailure.nonRetryable('no answer');
          return real.publicIpOf(asked);
        },
      }),
    });
  });
  afterAll(() => migrations.close());
  beforeEach(() => migrations.world.proxy.reset());

  const failed = (run: Promise<unknown>, type: string = FAILURE.allFailed) =>
    failedResult<EncryptVolumesResult>(run, type);
  const publicIpOf = async (instanceId: string) =>
    (await instance(migrations.account, instanceId)).PublicIpAddress;

  describe('a public IPv4 that EC2 has assigned', () => {
    it('is let go where that is accepted, and the result says what became of it', async () => {
      const { instanceId } = await anInstance(migrations.account, { publicIp: true });
      const before = await publicIpOf(instanceId);
      const result = await migrations.encrypt({ instanceIds: [instanceId], allow: ['assignedPublicIp'] });
      const after = await publicIpOf(instanceId);
      expect(after).not.toBe(before);
      expect(result.encrypted.items).toMatchObject([
        {
          instanceId,
          publicIp: { before, after },
          accepted: [
            { blocker: 'assignedPublicIp', effect: expect.stringContaining(before ?? '?') as string },
          ],
        },
      ]);
    });

    it('is in the plan as accepted, and nothing is touched', async () => {
      const { instanceId } = await anInstance(migrations.account, { publicIp: true });
      migrations.world.proxy.reset();
      const input = { instanceIds: [instanceId], allow: ['assignedPublicIp'], dryRun: true };
      const { plan } = await migrations.encrypt(input);
      expect(plan?.items).toMatchObject([{ accepted: [{ blocker: 'assignedPublicIp' }] }]);
      expect(migrations.world.proxy.mutations()).toEqual([]);
    });

    it('is lost with a rollback as well, which says so', async () => {
      const { instanceId } = await anInstance(migrations.account, { publicIp: true });
      migrations.world.proxy.fault('DetachVolume', {
        before: { code: 'UnauthorizedOperation', status: 403 },
      });
      const allow = ['assignedPublicIp', 'terminationProtection'];
      const { rolledBack } = await failed(migrations.encrypt({ instanceIds: [instanceId], allow }));
      expect(rolledBack.items[0]?.message).toMatch(
        /but for what was accepted: its public IPv4 \S+ changes with the stop, also where it is rolled back\. /,
      );
    });

    it('is another one again after a rollback in soak', async () => {
      const { instanceId } = await anInstance(migrations.account, { publicIp: true });
      const before = await publicIpOf(instanceId);
      await migrations.encrypt({ instanceIds: [instanceId], allow: ['assignedPublicIp'] });
      await migrations.tell(instanceId, 'rollback', ANY_LOSS);
      const result = await awaitResult<MigrateMachineResult>(migrations.machine(instanceId));
      expect(result.publicIp).toEqual({ before });
      expect(await publicIpOf(instanceId)).not.toBe(before);
    });

    it('does not keep a migration from its end where the new one cannot be read', async () => {
      const { instanceId } = await anInstance(migrations.account, { publicIp: true });
      const before = await publicIpOf(instanceId);
      unreadable.add(instanceId);
      const result = await migrations.encrypt({ instanceIds: [instanceId], allow: ['assignedPublicIp'] });
      expect(result.encrypted.items).toMatchObject([{ publicIp: { before } }]);
      expect(result.encrypted.items[0]).not.toHaveProperty('publicIp.after');
    });
  });

  describe('volumes of the host', () => {
    it('are not erased unasked', async () => {
      const { instanceId } = await anInstance(migrations.account, { instanceType: 'm5d.large' });
      migrations.world.proxy.reset();
      const { skipped } = await failed(migrations.encrypt({ instanceIds: [instanceId] }));
      expect(skipped.items[0]?.reasons).toEqual([
        expect.stringMatching(
          /m5d\.large comes with 75 GB of instance store volumes.*"allow": \["instanceStore"\]/,
        ),
      ]);
      expect(migrations.world.proxy.mutations()).toEqual([]);
    });

    it('are asked about once for each type of machine', async () => {
      const made = await Promise.all(
        [1, 2].map(() => anInstance(migrations.account, { instanceType: 'c5d.large' })),
      );
      migrations.world.proxy.reset();
      const instanceIds = made.map(({ instanceId }) => instanceId);
      const { plan } = await migrations.encrypt({ instanceIds, allow: ['instanceStore'], dryRun: true });
      expect(plan?.items).toMatchObject([1, 2].map(() => ({ accepted: [{ blocker: 'instanceStore' }] })));
      expect(migrations.world.proxy.callsOf('DescribeInstanceTypes')).toHaveLength(1);
    });
  });

  it('moves a machine whose termination protection is accepted, and leaves that on', async () => {
    const { instanceId } = await anInstance(migrations.account);
    const ec2 = migrations.account.ec2();
    const DisableApiTermination = { Value: true };
    await ec2.send(new ModifyInstanceAttributeCommand({ InstanceId: instanceId, DisableApiTermination }));
    const refused = await failed(migrations.encrypt({ instanceIds: [instanceId] }));
    expect(refused.skipped.items[0]?.reasons[0]).toContain('"allow": ["terminationProtection"]');
    const { encrypted } = await migrations.encrypt({
      instanceIds: [instanceId],
      allow: ['terminationProtection'],
    });
    expect(encrypted.total).toBe(1);
    const asked = { InstanceId: instanceId, Attribute: 'disableApiTermination' } as const;
    const is = await ec2.send(new DescribeInstanceAttributeCommand(asked));
    expect(is.DisableApiTermination).toEqual(DisableApiTermination);
  });

  it('names the workflow that holds a machine, in the plan already', async () => {
    const { instanceId } = await anInstance(migrations.account);
    let plan: EncryptVolumesResult | undefined;
    const overlapped = migrations.meanwhile('StopInstances', async () => {
      plan = await migrations.encrypt({ instanceIds: [instanceId], dryRun: true });
    });
    await migrations.encrypt({ instanceIds: [instanceId] });
    await overlapped;
    expect(plan?.skipped.items[0]?.reasons).toEqual([
      expect.stringContaining(`workflow ${migrations.machine(instanceId).workflowId} holds this machine`),
    ]);
  });

  it('does not take a machine for done whose volumes are detached just now', async () => {
    const { instanceId } = await anInstance(migrations.account);
    let plan: EncryptVolumesResult | undefined;
    const overlapped = migrations.meanwhile('AttachVolume', async () => {
      plan = await migrations.encrypt({ instanceIds: [instanceId], dryRun: true });
    });
    await migrations.encrypt({ instanceIds: [instanceId] });
    await overlapped;
    expect(plan?.skipped.items).toMatchObject([
      { item: instanceId, reasons: [expect.stringContaining('holds this machine')] },
    ]);
    expect(plan?.skipped.items[0]).not.toHaveProperty('nothingToDo');
  });

  it('refuses to accept what nothing could make good', async () => {
    const input = { instanceIds: ['i-0123456789abcdef0'], allow: ['spot'] };
    expect(await expectFailure(migrations.encrypt(input), FAILURE.invalidInput)).toContain('allow');
  });

  it('leaves a node of a cluster alone, and says whose volume it is', async () => {
    const { instanceId, volumes } = await anInstance(migrations.account);
    const Tags = [{ Key: 'ebs.csi.aws.com/cluster', Value: 'true' }];
    const Resources = [volumes['/dev/sdf'] ?? ''];
    await migrations.account.ec2().send(new CreateTagsCommand({ Resources, Tags }));
    migrations.world.proxy.reset();
    const { skipped } = await failed(migrations.encrypt({ instanceIds: [instanceId] }));
    expect(skipped.items[0]?.reasons).toEqual([
      `${Resources[0]} belongs to Kubernetes, which knows it by its id`,
    ]);
    expect(migrations.world.proxy.mutations()).toEqual([]);
  });
});
