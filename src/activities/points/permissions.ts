import {
  DescribeSnapshotAttributeCommand,
  ModifySnapshotAttributeCommand,
  type EC2Client,
} from '@aws-sdk/client-ec2';

export interface AccessPermissions {
  accounts: string[];
  public: boolean;
  /** Accounts, organizations and units by ARN, and groups. */
  all: string[];
}

export interface Change {
  Add?: { UserId: string }[];
  Remove?: { UserId: string }[];
}

interface Permission {
  UserId?: string;
  Group?: string;
  OrganizationArn?: string;
  OrganizationalUnitArn?: string;
}

export async function readVolumePermissions(ec2: EC2Client, SnapshotId: string): Promise<AccessPermissions> {
  const { CreateVolumePermissions } = await ec2.send(
    new DescribeSnapshotAttributeCommand({ SnapshotId, Attribute: 'createVolumePermission' }),
  );
  return parsePermissions(CreateVolumePermissions);
}

export function parsePermissions(list: readonly Permission[] = []): AccessPermissions {
  return {
    accounts: list.flatMap(({ UserId }) => UserId ?? []),
    public: list.some(({ Group }) => Group === 'all'),
    all: list.flatMap(
      ({ UserId, Group, OrganizationArn, OrganizationalUnitArn }) =>
        UserId ?? Group ?? OrganizationArn ?? OrganizationalUnitArn ?? [],
    ),
  };
}

/** Twice is as good as once. */
export async function modifySnapshot(ec2: EC2Client, SnapshotId: string, change: Change): Promise<void> {
  await ec2.send(new ModifySnapshotAttributeCommand({ SnapshotId, CreateVolumePermission: change }));
}
