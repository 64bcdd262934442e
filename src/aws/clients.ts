import type { CloudTrailClient } from '@aws-sdk/client-cloudtrail';
import type { EBSClient } from '@aws-sdk/client-ebs';
import type { EC2Client } from '@aws-sdk/client-ec2';
import type { ElasticLoadBalancingV2Client } from '@aws-sdk/client-elastic-load-balancing-v2';
import type { IAMClient } from '@aws-sdk/client-iam';
import type { KMSClient } from '@aws-sdk/client-kms';
import type { OrganizationsClient } from '@aws-sdk/client-organizations';
import type { ServiceQuotasClient } from '@aws-sdk/client-service-quotas';
import type { SSMClient } from '@aws-sdk/client-ssm';
import type { Target, TargetInput } from '../model/target';

/**
 * What a role is used for. The accounts file may give each its own role, so that what makes backups need not be what
 * can delete them.
 */
export const CAPABILITIES = ['read', 'backup', 'retention', 'restore', 'migrate', 'share'] as const;

export type Capability = (typeof CAPABILITIES)[number];

/** The one place where activities get their AWS clients: by account, region and what they want to do there. */
export interface AwsClients {
  ec2(target: Target, capability: Capability): EC2Client;
  kms(target: Target, capability: Capability): KMSClient;
  /** The EBS direct APIs. */
  ebs(target: Target, capability: Capability): EBSClient;
  ssm(target: Target, capability: Capability): SSMClient;
  serviceQuotas(target: Target, capability: Capability): ServiceQuotasClient;
  cloudTrail(target: Target, capability: Capability): CloudTrailClient;
  /** One service for the whole account, whichever region asks. */
  iam(target: Target, capability: Capability): IAMClient;
  elbv2(target: Target, capability: Capability): ElasticLoadBalancingV2Client;
  /**
   * Fills in the own account and region, and checks that the accounts file allows each target; no AWS call but, once,
   * GetCallerIdentity.
   *
   * @throws ApplicationFailure TargetNotAllowed
   */
  resolve(targets: readonly TargetInput[] | undefined): Promise<Target[]>;
  /** Of the organization that the accounts belong to, as `organizationRole` of the accounts file, or as the worker. */
  organizations(): OrganizationsClient;
  /** The accounts that the accounts file names; none without a file. */
  listedAccounts(): string[];
  /** The regions that the accounts file allows an account; none for one that it does not allow. */
  regionsOf(accountId: string): readonly string[];
  /** The partition's ARN of an account's role for a capability, for messages; undefined for the own credentials. */
  roleArn(accountId: string, capability: Capability): string | undefined;
}
