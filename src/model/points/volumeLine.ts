/** All that CreateVolume and AttachVolume need to make a volume again. */
export interface VolumeLine {
  device: string;
  type: string;
  /** GiB. */
  size: number;
  iops?: number;
  /** MiB/s. */
  throughput?: number;
  root: boolean;
  deleteOnTermination: boolean;
  multiAttach: boolean;
  zone: string;
  kmsKeyId?: string;
}

/** One tag value: `device type size iops throughput flags zone key`, `-` where there is nothing. */
export function formatVolumeLine(line: VolumeLine): string {
  const flags = [line.root && 'r', line.deleteOnTermination && 'd', line.multiAttach && 'm']
    .filter(Boolean)
    .join('');
  const parts = [
    line.device,
    line.type,
    line.size,
    line.iops,
    line.throughput,
    flags,
    line.zone,
    line.kmsKeyId,
  ];
  return parts.map((part) => (part === undefined || part === '' ? '-' : String(part))).join(' ');
}

/** Undefined when the text is no such line. */
export function parseVolumeLine(text: string): VolumeLine | undefined {
  const parts = text.split(' ');
  const [device, type, size, iops, throughput, flags, zone, kmsKeyId] = parts;
  if (parts.length !== 8 || !device || !type || !flags || !zone || !(Number(size) > 0)) return undefined;
  return {
    device,
    type,
    size: Number(size),
    ...(iops !== '-' && { iops: Number(iops) }),
    ...(throughput !== '-' && { throughput: Number(throughput) }),
    root: flags.includes('r'),
    deleteOnTermination: flags.includes('d'),
    multiAttach: flags.includes('m'),
    zone,
    ...(kmsKeyId !== '-' && { kmsKeyId }),
  };
}
