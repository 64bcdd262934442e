import {
  DescribeInstanceTypesCommand,
  type _InstanceType,
  type EC2Client,
  type InstanceTypeInfo,
} from '@aws-sdk/client-ec2';
import { targetKey, type Target } from '../../model/target';

/**
 * Which instance types come with volumes of their host, whose data a stop erases. DescribeInstances does not show those
 * of NVMe types, which every machine of the type has; a machine of an older type may have been launched without
 * (https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/add-instance-store-volumes.html). A type never changes, so each is
 * asked about once.
 */
export class InstanceStores {
  private readonly known = new Map<string, Promise<string | undefined>>();

  /** In words, or undefined where there are none. */
  of(ec2: EC2Client, target: Target, type: string): Promise<string | undefined> {
    const key = `${targetKey(target)}/${type}`;
    const known = this.known.get(key);
    if (known) return known;
    const asked = describeStore(ec2, type);
    this.known.set(key, asked);
    asked.catch(() => this.known.delete(key));
    return asked;
  }
}

async function describeStore(ec2: EC2Client, type: string): Promise<string | undefined> {
  const found = await readTypeInfo(ec2, type);
  if (!found?.InstanceStorageSupported) return undefined;
  const { TotalSizeInGB: size, NvmeSupport } = found.InstanceStorageInfo ?? {};
  const has = NvmeSupport === 'required' ? 'comes with' : 'may have';
  return `${type} ${has} ${size ? `${size} GB of ` : ''}instance store volumes`;
}

/** Undefined of a type that the region offers no more, although machines of it still run. */
async function readTypeInfo(ec2: EC2Client, type: string): Promise<InstanceTypeInfo | undefined> {
  const InstanceTypes = [type as _InstanceType];
  try {
    return (await ec2.send(new DescribeInstanceTypesCommand({ InstanceTypes }))).InstanceTypes?.[0];
  } catch (error) {
    if (error instanceof Error && error.name === 'InvalidInstanceType') return undefined;
    throw error;
  }
}
