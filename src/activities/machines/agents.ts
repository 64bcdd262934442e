import type { Instance } from '@aws-sdk/client-ec2';
import { DescribeInstanceInformationCommand, type SSMClient } from '@aws-sdk/client-ssm';
import type { Agent } from '../../model/machines/healthChecks';

/** EC2 writes `windows`, and its own documentation and SDK `Windows`. */
export function isWindows({ Platform }: Instance): boolean {
  return Platform?.toLowerCase() === 'windows';
}

/** https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_DescribeInstanceInformation.html */
export async function readAgent(ssm: SSMClient, instanceId: string): Promise<Agent> {
  const Filters = [{ Key: 'InstanceIds', Values: [instanceId] }];
  const { InstanceInformationList: [found] = [] } = await ssm.send(
    new DescribeInstanceInformationCommand({ Filters }),
  );
  if (!found) return 'none';
  return found.PingStatus === 'Online' ? 'online' : 'lost';
}
