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

/** A data key's worth of requests for each snapshot or copy of an encrypted volume. */
export const KMS_REQUESTS_A_SNAPSHOT = 2;
