import { mentionsIn } from '../../../../src/model/encryption/campaign/mounts';

const hex = (text: string) => Buffer.from(text).toString('hex');

describe('what a guest says of volumes', () => {
  it.each([
    [
      '/etc/fstab:3:/dev/disk/by-id/nvme-Amazon_Elastic_Block_Store_vol0123456789abcdef0',
      { volumeId: 'vol-0123456789abcdef0', file: '/etc/fstab', line: 3 },
    ],
    [
      '/etc/fstab:1:/dev/disk/by-id/nvme-x_vol12345678',
      { volumeId: 'vol-12345678', file: '/etc/fstab', line: 1 },
    ],
    [
      `/etc/lvm/devices/system.devices:7:IDTYPE=sys_wwid IDNAME=nvme.1d0f-${hex('vol0123456789abcdef0')}`,
      { volumeId: 'vol-0123456789abcdef0', file: '/etc/lvm/devices/system.devices', line: 7 },
    ],
    ['grep: something', undefined],
    ['/etc/fstab:3:/dev/disk/by-id/nvme-Amazon_El', undefined],
    ['', undefined],
  ])('%s', (line, mention) => {
    expect(mentionsIn(`${line}\n`)).toEqual(mention ? [mention] : []);
  });
});
