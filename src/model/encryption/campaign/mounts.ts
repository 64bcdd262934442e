/** Where Linux is told of disks before anybody logs in. Files that are not there are passed over. */
const FILES = [
  '/etc/fstab',
  '/etc/crypttab',
  '/etc/auto.*',
  '/etc/systemd/system/*.mount',
  '/etc/systemd/system/*.automount',
  '/etc/systemd/system/*.swap',
  '/etc/lvm/devices/system.devices',
  '/etc/lvm/lvm.conf',
  '/etc/multipath.conf',
  '/etc/multipath/bindings',
  '/etc/multipath/wwids',
  '/etc/mdadm.conf',
  '/etc/mdadm/mdadm.conf',
  '/etc/zfs/vdev_id.conf',
  '/etc/udev/rules.d/*.rules',
  '/etc/default/grub',
  '/proc/cmdline',
];

/**
 * NVMe disks of EBS have the volume's id, without its hyphen, as their serial number, which udev puts into
 * `/dev/disk/by-id/nvme-Amazon_Elastic_Block_Store_vol…`, and the kernel in hexadecimal into what LVM and multipath
 * keep: https://docs.aws.amazon.com/ebs/latest/userguide/identify-nvme-ebs-device.html
 */
const PATTERN = '^[^#]*(vol-?[0-9a-f]{8,17}|1d0f-766f6c[0-9a-f]{16,34})';

/** For the shell of a Linux guest: it reads, and ends well whatever it finds. */
export const LOOK_FOR_MOUNTS: readonly string[] = [`grep -onHsE '${PATTERN}' ${FILES.join(' ')}`, 'true'];

/** A line of a file in a guest that names a volume by its id. */
export interface Mention {
  volumeId: string;
  file: string;
  line: number;
}

/** What the command printed; what SSM cut off in mid-line is left out. */
export function mentionsIn(output = ''): Mention[] {
  return output.split('\n').flatMap((text) => {
    const [, file, line, found = ''] = /^(\/[^:]+):(\d+):(.*)$/.exec(text) ?? [];
    const volumeId = volumeIdIn(found);
    return file && volumeId ? { volumeId, file, line: Number(line) } : [];
  });
}

function volumeIdIn(text: string): string | undefined {
  const hex = /1d0f-766f6c([0-9a-f]{16,34})/.exec(text)?.[1];
  const digits = hex ? textOf(hex) : /.*vol-?([0-9a-f]{8,17})/.exec(text)?.[1];
  return digits && `vol-${digits}`;
}

function textOf(hex: string): string {
  return (hex.match(/../g) ?? []).map((pair) => String.fromCharCode(parseInt(pair, 16))).join('');
}

export function mountText({ volumeId, file, line }: Mention): string {
  return `${file}, line ${line}, names ${volumeId} by its id, which changes: use its UUID or label there`;
}
