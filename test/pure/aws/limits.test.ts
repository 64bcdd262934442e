import { classify } from '../../../src/aws/classify';
import { LIMITS, limitOf } from '../../../src/aws/limits';

/**
 * Every name on EC2's page that says that something is full or used up, and what becomes of a call that gets it:
 * https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html
 */
const EC2_PAGE: Record<'passes' | 'stays' | 'bounded', readonly string[]> = {
  passes: [
    'BandwidthLimitExceeded',
    'ConcurrentCreateImageNoRebootLimitExceeded',
    'ConcurrentSnapshotLimitExceeded',
    'InsufficientAddressCapacity',
    'InsufficientCapacity',
    'InsufficientHostCapacity',
    'InsufficientInstanceCapacity',
    'InsufficientReservedInstanceCapacity',
    'InsufficientReservedInstancesCapacity',
    'InsufficientVolumeCapacity',
    'PendingSnapshotLimitExceeded',
    'RequestLimitExceeded',
    'ResourceLimitExceeded',
    'SnapshotCreationPerVolumeRateExceeded',
    'UnfulfillableCapacity',
    'UpdateLimitExceeded',
  ],
  stays: [
    'AddressLimitExceeded',
    'AttachmentLimitExceeded',
    'FilterLimitExceeded',
    'HostLimitExceeded',
    'InsufficientFreeAddressesInSubnet',
    'InvalidInterface.IpAddressLimitExceeded',
    'KeyPairLimitExceeded',
    'MaxIOPSLimitExceeded',
    'MaxSpotInstanceCountExceeded',
    'MaxTemplateLimitExceeded',
    'MaxTemplateVersionLimitExceeded',
    'NetworkInterfaceLimitExceeded',
    'PlacementGroupLimitExceeded',
    'PrivateIpAddressLimitExceeded',
    'ResourceCountExceeded',
    'SecurityGroupLimitExceeded',
    'SecurityGroupsPerInstanceLimitExceeded',
    'SecurityGroupsPerInterfaceLimitExceeded',
    'SnapshotLimitExceeded',
    'TagLimitExceeded',
    'VolumeIOPSLimit',
    'VolumeLimitExceeded',
    'VolumeModificationSizeLimitExceeded',
  ],
  // Either, or of what Holdfast never makes.
  bounded: [
    'ActiveVpcPeeringConnectionPerVpcLimitExceeded',
    'CapacityBlockDescribeLimitExceeded',
    'ClientVpnAuthorizationRuleLimitExceeded',
    'ClientVpnCertificateRevocationListLimitExceeded',
    'ClientVpnEndpointLimitExceeded',
    'ClientVpnRouteLimitExceeded',
    'ClientVpnTerminateConnectionsLimitExceeded',
    'CustomerGatewayLimitExceeded',
    'FlowLogsLimitExceeded',
    // Whoever holds what is full may stop: a machine that is put back waits for that.
    'InstanceLimitExceeded',
    'InsufficientCapacityOnHost',
    'InternetGatewayLimitExceeded',
    'LimitPriceExceeded',
    'MaxConfigLimitExceededException',
    'MaxScheduledInstanceCapacityExceeded',
    'MaxSpotFleetRequestCountExceeded',
    'NatGatewayLimitExceeded',
    'NetworkAclEntryLimitExceeded',
    'NetworkAclLimitExceeded',
    'OutstandingVpcPeeringConnectionLimitExceeded',
    'PendingVpcPeeringConnectionLimitExceeded',
    'RequestResourceCountExceeded',
    'ReservationCapacityExceeded',
    'ReservedInstancesCountExceeded',
    'ReservedInstancesLimitExceeded',
    'ResourceCountLimitExceeded',
    'RouteLimitExceeded',
    'RouteTableLimitExceeded',
    'RulesPerSecurityGroupLimitExceeded',
    'ScheduledInstanceLimitExceeded',
    'SubnetLimitExceeded',
    'TargetCapacityLimitExceededException',
    'TrafficMirrorFilterLimitExceeded',
    'TrafficMirrorFilterRuleLimitExceeded',
    'TrafficMirrorSessionLimitExceeded',
    'TrafficMirrorSessionsPerInterfaceLimitExceeded',
    'TrafficMirrorSessionsPerTargetLimitExceeded',
    'TrafficMirrorSourcesPerTargetLimitExceeded',
    'TrafficMirrorTargetLimitExceeded',
    'VcpuLimitExceeded',
    'VpcEndpointLimitExceeded',
    'VpcLimitExceeded',
    'VpcPeeringConnectionsPerVpcLimitExceeded',
    'VpnConnectionLimitExceeded',
    'VpnGatewayAttachmentLimitExceeded',
    'VpnGatewayLimitExceeded',
  ],
};

describe('limits', () => {
  it.each(EC2_PAGE.passes)('%s passes: it is tried again however long that takes', (name) => {
    expect(classify(name)).toMatchObject({ retry: true });
    expect(classify(name)).not.toHaveProperty('bounded');
  });

  it.each(EC2_PAGE.stays)('%s stays: it is final at once, and says what to do', (name) => {
    expect(classify(name)).toEqual({ type: 'QuotaExceeded', retry: false });
    expect(limitOf(name)?.so).toMatch(/\w+ \w+/);
  });

  it.each(EC2_PAGE.bounded)('%s is tried again for some minutes', (name) => {
    expect(classify(name)).toMatchObject({ retry: true, bounded: true });
  });

  it('each name a page of AWS, what is full and why', () => {
    for (const [name, { what, so, page }] of LIMITS) {
      expect(`${name}: ${page}`).toContain('https://docs.aws.amazon.com/');
      expect([name, what.length > 5, so.length > 5]).toEqual([name, true, true]);
    }
  });

  it.each([
    ['CopySnapshot', { type: 'QuotaExceeded', retry: true }],
    ['CopyVolumes', { type: 'QuotaExceeded', retry: true }],
    ['CopyImage', { type: 'QuotaExceeded', retry: true }],
    ['EnableFastSnapshotRestores', { type: 'QuotaExceeded', retry: true, bounded: true }],
  ])('ResourceLimitExceeded of %s is %j: one name means either', (action, verdict) => {
    expect(classify('ResourceLimitExceeded', action)).toEqual(verdict);
  });
});
