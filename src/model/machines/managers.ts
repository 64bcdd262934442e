/**
 * Services and controllers that replace what they made when it stops or changes, by the tags that they write. They undo
 * a migration, or are broken by it.
 */
type Managers = readonly (readonly [RegExp, string])[];

/** Kubernetes' own: https://github.com/kubernetes-sigs/aws-ebs-csi-driver/blob/master/docs/tagging.md */
const KUBERNETES = /^(kubernetes\.io\/cluster\/.+|KubernetesCluster)$/;

const OF_MACHINES: Managers = [
  [/^(aws:)?eks:(cluster-name|nodegroup-name)$/, 'Amazon EKS'],
  // https://karpenter.sh/docs/concepts/nodeclasses/#spectags
  [/^karpenter\.sh\/(nodepool|nodeclaim|provisioner-name)$/, 'Karpenter'],
  [KUBERNETES, 'Kubernetes'],
  // https://docs.aws.amazon.com/elasticbeanstalk/latest/dg/using-features.tagging.html
  [/^elasticbeanstalk:environment-(name|id)$/, 'Elastic Beanstalk'],
  // https://docs.aws.amazon.com/AmazonECS/latest/developerguide/asg-capacity-providers.html
  [/^(aws:ecs:clusterName|AmazonECSManaged)$/, 'Amazon ECS'],
  // https://docs.aws.amazon.com/batch/latest/userguide/using-tags.html
  [/^AWSBatchServiceTag$/, 'AWS Batch'],
  // https://docs.aws.amazon.com/emr/latest/ManagementGuide/emr-plan-tags.html
  [/^aws:elasticmapreduce:(job-flow-id|instance-group-role)$/, 'Amazon EMR'],
  // https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/spot-fleet-requests.html
  [/^aws:ec2spot:fleet-request-id$/, 'a Spot Fleet'],
  // https://docs.aws.amazon.com/drs/latest/userguide/replication-servers.html
  [/^AWSElasticDisasterRecoveryManaged$/, 'AWS Elastic Disaster Recovery'],
];

const OF_VOLUMES: Managers = [
  [
    /^(kubernetes\.io\/created-for\/(pvc|pv)\/name|ebs\.csi\.aws\.com\/cluster(-name)?|CSIVolumeName)$/,
    'Kubernetes',
  ],
  [KUBERNETES, 'Kubernetes'],
  // https://docs.aws.amazon.com/AmazonECS/latest/developerguide/ebs-volumes.html
  [/^(AmazonECSCreated|AmazonECSManaged)$/, 'Amazon ECS'],
  [/^AWSElasticDisasterRecoveryManaged$/, 'AWS Elastic Disaster Recovery'],
];

interface Operator {
  Managed?: boolean;
  Principal?: string;
}

interface Resource {
  tags: Readonly<Record<string, string>>;
  /** What EC2 itself knows of: https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/amazon-ec2-managed-instances.html */
  operator?: Operator;
}

/** Undefined where nobody but people manages it. */
export function managerOfMachine(machine: Resource): string | undefined {
  return managerIn(OF_MACHINES, machine);
}

export function managerOfVolume(volume: Resource): string | undefined {
  return managerIn(OF_VOLUMES, volume);
}

function managerIn(managers: Managers, { tags, operator }: Resource): string | undefined {
  if (operator?.Managed) return operator.Principal ?? 'an AWS service';
  const keys = Object.keys(tags);
  return managers.find(([pattern]) => keys.some((key) => pattern.test(key)))?.[1];
}
