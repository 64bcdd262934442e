import { DescribeSubnetsCommand } from '@aws-sdk/client-ec2';
import {
  CreateListenerCommand,
  CreateLoadBalancerCommand,
  CreateTargetGroupCommand,
  DeleteLoadBalancerCommand,
  DeleteTargetGroupCommand,
  DescribeTargetHealthCommand,
  ModifyTargetGroupAttributesCommand,
  RegisterTargetsCommand,
  type TargetDescription,
} from '@aws-sdk/client-elastic-load-balancing-v2';
import { randomUUID } from 'node:crypto';
import type { TestAccount } from './accounts';
import { instance } from './seed';
import { until } from './until';

interface GroupSpec {
  type?: 'instance' | 'ip';
  port?: number;
  /** Seconds. */
  delay?: number;
  /** False: no load balancer sends it anything. */
  used?: boolean;
}

/** A target group behind a load balancer, in the VPC of an instance. */
export class TargetGroup {
  private constructor(
    private readonly account: TestAccount,
    readonly arn: string,
    readonly name: string,
    private readonly loadBalancerArn: string | undefined,
  ) {}

  static async near(
    account: TestAccount,
    instanceId: string,
    { type = 'instance', port = 80, delay = 300, used = true }: GroupSpec = {},
  ): Promise<TargetGroup> {
    const { VpcId } = await instance(account, instanceId);
    const Name = `tg-${randomUUID().slice(0, 13)}`;
    const elb = account.elbv2();
    const { TargetGroups = [] } = await elb.send(
      new CreateTargetGroupCommand({ Name, Protocol: 'HTTP', Port: port, VpcId, TargetType: type }),
    );
    const TargetGroupArn = TargetGroups[0]?.TargetGroupArn ?? '';
    await elb.send(
      new ModifyTargetGroupAttributesCommand({
        TargetGroupArn,
        Attributes: [{ Key: 'deregistration_delay.timeout_seconds', Value: String(delay) }],
      }),
    );
    const loadBalancerArn = used ? await listen(account, VpcId, TargetGroupArn) : undefined;
    return new TargetGroup(account, TargetGroupArn, Name, loadBalancerArn);
  }

  async remove(): Promise<void> {
    const elb = this.account.elbv2();
    const LoadBalancerArn = this.loadBalancerArn;
    if (LoadBalancerArn) await elb.send(new DeleteLoadBalancerCommand({ LoadBalancerArn }));
    await elb.send(new DeleteTargetGroupCommand({ TargetGroupArn: this.arn }));
  }

  async register(...Targets: TargetDescription[]): Promise<void> {
    await this.account.elbv2().send(new RegisterTargetsCommand({ TargetGroupArn: this.arn, Targets }));
  }

  /** Registers, and waits until what was registered is healthy. */
  async serving(...targets: TargetDescription[]): Promise<this> {
    await this.register(...targets);
    const ids = targets.map(({ Id }) => Id);
    const isServing = (state: string) => !ids.includes(state.split(' ')[0]) || state.endsWith(' healthy');
    await until(async () => (await this.states()).every(isServing));
    return this;
  }

  /** Where an instance is registered, and not on its way out: `i-… 80`. */
  async targets(instanceId: string): Promise<string[]> {
    return (await this.states())
      .filter((state) => state.startsWith(instanceId) && !state.endsWith(' draining'))
      .map((state) => state.split(' ').slice(0, 2).join(' '));
  }

  /** Of each target that is listed: `i-… 80 healthy`, with its zone where it has one. */
  async states(): Promise<string[]> {
    const { TargetHealthDescriptions = [] } = await this.account
      .elbv2()
      .send(new DescribeTargetHealthCommand({ TargetGroupArn: this.arn }));
    return TargetHealthDescriptions.map(({ Target, TargetHealth }) =>
      [Target?.Id, Target?.Port, Target?.AvailabilityZone, TargetHealth?.State].filter(Boolean).join(' '),
    ).sort();
  }
}

async function listen(
  account: TestAccount,
  VpcId: string | undefined,
  TargetGroupArn: string,
): Promise<string | undefined> {
  const Filters = [{ Name: 'vpc-id', Values: [VpcId ?? ''] }];
  const { Subnets = [] } = await account.ec2().send(new DescribeSubnetsCommand({ Filters }));
  const { LoadBalancers = [] } = await account.elbv2().send(
    new CreateLoadBalancerCommand({
      Name: `lb-${randomUUID().slice(0, 13)}`,
      Scheme: 'internal',
      Subnets: Subnets.slice(0, 2).flatMap(({ SubnetId }) => SubnetId ?? []),
    }),
  );
  const [{ LoadBalancerArn } = {}] = LoadBalancers;
  await account.elbv2().send(
    new CreateListenerCommand({
      LoadBalancerArn,
      Protocol: 'HTTP',
      Port: 80,
      DefaultActions: [{ Type: 'forward', TargetGroupArn }],
    }),
  );
  return LoadBalancerArn;
}
