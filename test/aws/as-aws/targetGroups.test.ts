import {
  DeregisterTargetsCommand,
  DescribeTargetHealthCommand,
  RegisterTargetsCommand,
} from '@aws-sdk/client-elastic-load-balancing-v2';
import { StartInstancesCommand } from '@aws-sdk/client-ec2';
import type { TestAccount } from '../../support/accounts';
import { anInstance, instance, stopped } from '../../support/seed';
import { TargetGroup } from '../../support/targetGroups';
import { accountsUnderTest } from '../../support/underTest';
import { until } from '../../support/until';

/** https://docs.aws.amazon.com/elasticloadbalancing/latest/application/target-group-register-targets.html */
describe('target groups', () => {
  let account: TestAccount;
  let instanceId: string;

  beforeAll(async () => {
    [account] = (await accountsUnderTest()) as [TestAccount];
    ({ instanceId } = await anInstance(account, { data: [] }));
  });
  afterAll(() => account.destroy());

  const deregister = ({ arn: TargetGroupArn }: TargetGroup, Port: number) =>
    account
      .elbv2()
      .send(new DeregisterTargetsCommand({ TargetGroupArn, Targets: [{ Id: instanceId, Port }] }));
  const healthOf = async ({ arn: TargetGroupArn }: TargetGroup, Port: number) => {
    const { TargetHealthDescriptions: [found] = [] } = await account
      .elbv2()
      .send(new DescribeTargetHealthCommand({ TargetGroupArn, Targets: [{ Id: instanceId, Port }] }));
    return found?.TargetHealth;
  };

  it('hold an instance by each of its ports, and drain one for as long as the group says', async () => {
    const group = await TargetGroup.near(account, instanceId, { delay: 3500 });
    await group.register({ Id: instanceId, Port: 80 }, { Id: instanceId, Port: 8080 });
    await until(async () => (await group.states()).every((state) => state.endsWith(' healthy')));
    await deregister(group, 80);
    expect(await healthOf(group, 80)).toMatchObject({
      State: 'draining',
      Reason: 'Target.DeregistrationInProgress',
    });
    expect(await group.states()).toEqual([`${instanceId} 80 draining`, `${instanceId} 8080 healthy`]);
    await until(async () => (await group.states()).length === 1);
    expect(await healthOf(group, 80)).toMatchObject({ State: 'unused', Reason: 'Target.NotRegistered' });
  });

  it('take back at once who is on the way out', async () => {
    const group = await (
      await TargetGroup.near(account, instanceId, { delay: 3500 })
    ).serving({ Id: instanceId });
    await deregister(group, 80);
    await group.register({ Id: instanceId, Port: 80 });
    await until(async () => (await healthOf(group, 80))?.State === 'healthy');
  });

  it('leave a target as healthy as it is that is registered once more', async () => {
    const group = await (await TargetGroup.near(account, instanceId)).serving({ Id: instanceId });
    await group.register({ Id: instanceId });
    expect(await group.states()).toEqual([`${instanceId} 80 healthy`]);
  });

  /** https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_DeregisterTargets.html */
  it('do not mind who is not there being taken out', async () => {
    const group = await TargetGroup.near(account, instanceId);
    await deregister(group, 81);
    expect(await group.states()).toEqual([]);
  });

  it('that nothing uses drain nobody', async () => {
    const group = await TargetGroup.near(account, instanceId, { used: false });
    await group.register({ Id: instanceId });
    expect(await healthOf(group, 80)).toMatchObject({ State: 'unused', Reason: 'Target.NotInUse' });
    await deregister(group, 80);
    expect(await group.states()).toEqual([]);
  });

  it('of addresses find the zone themselves', async () => {
    const { PrivateIpAddress, Placement } = await instance(account, instanceId);
    const group = await TargetGroup.near(account, instanceId, { type: 'ip' });
    await group.serving({ Id: PrivateIpAddress });
    expect(await group.states()).toEqual([`${PrivateIpAddress} 80 ${Placement?.AvailabilityZone} healthy`]);
  });

  it('send a stopped instance nothing, and check it again once it runs', async () => {
    const machine = (await anInstance(account, { data: [] })).instanceId;
    const group = await (await TargetGroup.near(account, machine)).serving({ Id: machine });
    await stopped(account, machine);
    expect(await group.states()).toEqual([`${machine} 80 unused`]);
    await account.ec2().send(new StartInstancesCommand({ InstanceIds: [machine] }));
    await until(async () => (await group.states())[0] === `${machine} 80 healthy`);
  });

  it('do not take an instance that does not run', async () => {
    const machine = (await anInstance(account, { data: [] })).instanceId;
    const group = await TargetGroup.near(account, machine);
    await stopped(account, machine);
    await expect(group.register({ Id: machine })).rejects.toMatchObject({ name: 'InvalidTargetException' });
  });

  it('that do not exist are named by the error', async () => {
    const group = await TargetGroup.near(account, instanceId);
    const TargetGroupArn = group.arn.replace(/[0-9a-f]{16}$/, '0000000000000000');
    const call = account
      .elbv2()
      .send(new RegisterTargetsCommand({ TargetGroupArn, Targets: [{ Id: instanceId }] }));
    await expect(call).rejects.toMatchObject({ name: 'TargetGroupNotFoundException' });
  });
});
