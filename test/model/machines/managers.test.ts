import { managerOfMachine, managerOfVolume } from '../../../src/model/machines/managers';

describe('who manages a machine', () => {
  it.each([
    ['eks:cluster-name', 'Amazon EKS'],
    ['aws:eks:cluster-name', 'Amazon EKS'],
    ['eks:nodegroup-name', 'Amazon EKS'],
    ['karpenter.sh/nodepool', 'Karpenter'],
    ['karpenter.sh/nodeclaim', 'Karpenter'],
    ['kubernetes.io/cluster/shop', 'Kubernetes'],
    ['KubernetesCluster', 'Kubernetes'],
    ['elasticbeanstalk:environment-id', 'Elastic Beanstalk'],
    ['aws:ecs:clusterName', 'Amazon ECS'],
    ['AmazonECSManaged', 'Amazon ECS'],
    ['AWSBatchServiceTag', 'AWS Batch'],
    ['aws:elasticmapreduce:job-flow-id', 'Amazon EMR'],
    ['aws:ec2spot:fleet-request-id', 'a Spot Fleet'],
    ['AWSElasticDisasterRecoveryManaged', 'AWS Elastic Disaster Recovery'],
  ])('is told by its tag %s: %s', (key, manager) => {
    expect(managerOfMachine({ tags: { Name: 'x', [key]: 'y' } })).toBe(manager);
  });

  it('is told by EC2 itself, whatever the tags', () => {
    const operator = { Managed: true, Principal: 'eks.amazonaws.com' };
    expect(managerOfMachine({ tags: {}, operator })).toBe('eks.amazonaws.com');
    expect(managerOfMachine({ tags: {}, operator: { Managed: true } })).toBe('an AWS service');
    expect(managerOfMachine({ tags: {}, operator: { Managed: false } })).toBeUndefined();
  });

  it.each(['Name', 'kubernetes.io/role/elb', 'karpenter.sh/discovery', 'my-eks:cluster-name', 'ecs'])(
    'is nobody by the tag %s',
    (key) => expect(managerOfMachine({ tags: { [key]: 'y' } })).toBeUndefined(),
  );
});

describe('who manages a volume', () => {
  it.each([
    ['kubernetes.io/created-for/pvc/name', 'Kubernetes'],
    ['kubernetes.io/created-for/pv/name', 'Kubernetes'],
    ['ebs.csi.aws.com/cluster', 'Kubernetes'],
    ['ebs.csi.aws.com/cluster-name', 'Kubernetes'],
    ['CSIVolumeName', 'Kubernetes'],
    ['kubernetes.io/cluster/shop', 'Kubernetes'],
    ['AmazonECSCreated', 'Amazon ECS'],
    ['AWSElasticDisasterRecoveryManaged', 'AWS Elastic Disaster Recovery'],
  ])('is told by its tag %s: %s', (key, manager) => {
    expect(managerOfVolume({ tags: { [key]: 'y' } })).toBe(manager);
  });

  it('is told by EC2 itself, and nobody where neither says so', () => {
    const operator = { Managed: true, Principal: 'ecs.amazonaws.com' };
    expect(managerOfVolume({ tags: {}, operator })).toBe('ecs.amazonaws.com');
    expect(managerOfVolume({ tags: { Name: 'x', 'eks:cluster-name': 'y' } })).toBeUndefined();
  });
});
