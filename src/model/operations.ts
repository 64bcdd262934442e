/** What an operation is for; which of the labs' classes offers it, and under what name, where that is not its own. */
interface Described {
  lab: 'snapshots' | 'encryption' | 'images';
  as?: string;
  /** In one sentence, for people who choose one. */
  does: string;
}

/**
 * The public workflow types, once: the clients' functions, the labs' classes, the command line and what is said of an unknown type
 * are made from this. What else src/workflows exports are their children.
 */
export const OPERATIONS = {
  createBackupPolicy: {
    lab: 'snapshots',
    does: 'Makes a backup policy what its fields say: a Schedule that starts runs.',
  },
  planBackupPolicy: {
    lab: 'snapshots',
    does: 'Says what applying a policy would change, what a run protects, and what cannot come out.',
  },
  deleteBackupPolicy: {
    lab: 'snapshots',
    does: "Deletes a policy's Schedule; its recovery points still expire.",
  },
  takeInventory: {
    lab: 'snapshots',
    does: 'Lists machines and volumes, what is encrypted, and which policies protect them.',
  },
  runBackup: {
    lab: 'snapshots',
    does: 'Runs a policy now: one recovery point of each instance and standalone volume it selects.',
  },
  applyRetention: {
    lab: 'snapshots',
    does: 'Gives the recovery points that are there the terms that their policy has now.',
  },
  enforceExpiry: {
    lab: 'snapshots',
    does: 'Deletes what is past its time, and never the last good points; runs every hour by itself.',
  },
  setLegalHold: { lab: 'snapshots', does: 'Keeps recovery points until two people release them.' },
  restoreFromArchive: {
    lab: 'snapshots',
    does: 'Brings a recovery point back from the archive tier, so that it can be used.',
  },
  sweepOrphans: {
    lab: 'snapshots',
    does: 'Finds what terminated runs and ended machines have left, and deletes it where asked to.',
  },
  createCustomerManagedKey: {
    lab: 'encryption',
    does: 'Makes a customer managed key with an alias, rotation and replicas, or finds it.',
  },
  encryptVolumes: {
    lab: 'encryption',
    as: 'encryptExistingVolumes',
    does: 'Moves running machines to encrypted volumes, with the shortest downtime that is to be had.',
  },
  encryptSnapshots: {
    lab: 'encryption',
    does: 'Copies unencrypted snapshots under a key, and deletes the originals after a `commit`.',
  },
  enableEncryptionByDefault: {
    lab: 'encryption',
    as: 'enableEbsEncryptionByDefault',
    does: 'Turns EBS encryption by default on under a key in each region, or puts back what was.',
  },
  createShareableAmi: {
    lab: 'images',
    does: 'Makes an image that partners can launch: image, snapshots and key are shared as a unit.',
  },
  copyAmiToPartnerRegion: {
    lab: 'images',
    does: 'Copies such an image to another region, under a key of that region, for a partner.',
  },
} as const satisfies Record<string, Described>;

export type OperationName = keyof typeof OPERATIONS;
export type Lab = Described['lab'];

export const OPERATION_NAMES = Object.keys(OPERATIONS) as OperationName[];

/** What the lab's class calls it. */
export type MethodOf<Name extends OperationName> = (typeof OPERATIONS)[Name] extends {
  as: infer As extends string;
}
  ? As
  : Name;

export function methodOf(name: OperationName): string {
  const { as = name }: Described = OPERATIONS[name];
  return as;
}
