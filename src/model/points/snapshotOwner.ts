/** Services that make snapshots of their own, and look after them themselves. */
export const OTHER_OWNERS = ['awsBackup', 'dlm'] as const;
export type OtherOwner = (typeof OTHER_OWNERS)[number];

/** How many snapshots of each there are. */
export type OthersCount = Record<OtherOwner, number>;

/** Tags that only AWS itself can write. */
const OWNER_TAGS: Record<OtherOwner, RegExp> = {
  awsBackup: /^aws:backup:/,
  dlm: /^aws:dlm:/,
};

/**
 * AWS Backup (https://docs.aws.amazon.com/aws-backup/latest/devguide/recovery-points.html) and Data Lifecycle Manager
 * (https://docs.aws.amazon.com/ebs/latest/userguide/dlm-elements.html) tag what is theirs; undefined for all else.
 */
export function otherOwner(tagKeys: readonly string[]): OtherOwner | undefined {
  return OTHER_OWNERS.find((owner) => tagKeys.some((key) => OWNER_TAGS[owner].test(key)));
}

export function sumOfOthers(one: OthersCount, two: OthersCount): OthersCount {
  return { awsBackup: one.awsBackup + two.awsBackup, dlm: one.dlm + two.dlm };
}
