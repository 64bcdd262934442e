import { made } from '../aws/conformance/sweep';
import type { Exchange } from '../support/sandbox';

const line = (exchange: Partial<Exchange>) =>
  JSON.stringify({ at: '', profile: 'one', region: 'us-east-1', input: {}, ...exchange });

describe('what a conformance run has to delete', () => {
  it('is what its calls made, each once, and nothing that they were only about', () => {
    const transcript = [
      line({
        action: 'RunInstances',
        input: { ImageId: 'ami-0123456789abcdef0' },
        output: { Instances: [{ InstanceId: 'i-0123456789abcdef0', ImageId: 'ami-0123456789abcdef0' }] },
      }),
      line({ action: 'CreateVolume', output: { VolumeId: 'vol-0123456789abcdef0' } }),
      line({
        action: 'CreateSnapshot',
        input: { VolumeId: 'vol-0123456789abcdef0' },
        output: { SnapshotId: 'snap-0123456789abcdef0', VolumeId: 'vol-0123456789abcdef0' },
      }),
      line({ action: 'DescribeVolumes', output: { Volumes: [{ VolumeId: 'vol-0aaaaaaaaaaaaaaa0' }] } }),
      line({
        action: 'CreateKey',
        output: { KeyMetadata: { Arn: 'arn:aws:kms:us-east-1:111111111111:key/1' } },
      }),
      line({ action: 'CreateImage', error: 'InvalidAMIName.Duplicate' }),
    ].join('\n');
    expect(made(transcript).map(({ kind, id }) => [kind, id])).toEqual([
      ['i', 'i-0123456789abcdef0'],
      ['vol', 'vol-0123456789abcdef0'],
      ['snap', 'snap-0123456789abcdef0'],
      ['key', 'arn:aws:kms:us-east-1:111111111111:key/1'],
    ]);
  });
});
