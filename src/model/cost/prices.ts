/**
 * List prices in US dollars, us-east-1, as of 2026-11-24; other regions differ by up to a half, and contracts by more.
 * EBS: https://aws.amazon.com/ebs/pricing/ and https://docs.aws.amazon.com/ebs/latest/userguide/snapshot-archive-pricing.html;
 * transfer: https://aws.amazon.com/ec2/pricing/on-demand/#Data_Transfer; KMS: https://aws.amazon.com/kms/pricing/;
 * S3: https://aws.amazon.com/s3/pricing/. Snapshot and tag calls of EC2 are free; AWS Backup and DLM charge for
 * snapshots what EBS does (https://aws.amazon.com/backup/pricing/). Not in here: a copy's deadline, and the metrics of
 * the alarms.
 */
export const PRICES = {
  asOf: '2026-11-24',
  region: 'us-east-1',
  currency: 'USD',
  /** Per GiB and month. */
  standardGibMonth: 0.05,
  archiveGibMonth: 0.0125,
  /** Per GiB between regions. */
  transferGib: 0.02,
  kmsRequest: 0.03 / 10_000,
  /** A manifest for each recovery point. */
  s3Put: 0.005 / 1000,
  /** ListChangedBlocks. */
  ebsDirectRequest: 0.0006 / 1000,
} as const;

/** Per month. */
export interface VolumePrice {
  gib: number;
  /** For each that is provisioned beyond the free ones. */
  iopsPrice: number;
  freeIops: number;
  /** For each MiB/s. */
  throughputPrice: number;
  freeThroughput: number;
}

const BY_SIZE = { iopsPrice: 0, freeIops: 0, throughputPrice: 0, freeThroughput: 0 };
const BY_IOPS = { ...BY_SIZE, gib: 0.125, iopsPrice: 0.065 };

/** Of volumes, by type. */
export const VOLUME_PRICES: Readonly<Record<string, VolumePrice>> & { io2: VolumePrice } = {
  gp3: { gib: 0.08, iopsPrice: 0.005, freeIops: 3000, throughputPrice: 0.04, freeThroughput: 125 },
  gp2: { ...BY_SIZE, gib: 0.1 },
  io1: BY_IOPS,
  io2: BY_IOPS,
  st1: { ...BY_SIZE, gib: 0.045 },
  sc1: { ...BY_SIZE, gib: 0.015 },
  standard: { ...BY_SIZE, gib: 0.05 },
};

/** A data key's worth of requests for each snapshot or copy of an encrypted volume. */
export const KMS_REQUESTS_A_SNAPSHOT = 2;
