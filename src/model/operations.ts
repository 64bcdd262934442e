/** Which of the labs' classes offers an operation, and under what name, where that is not its own. */
interface Described {
  lab: 'snapshots' | 'encryption' | 'images';
  as?: string;
}

/**
 * The public workflow types, once: the clients' functions, the labs' classes, the command line and what is said of an unknown type
 * are made from this. What else src/workflows exports are their children.
 */
export const OPERATIONS = {
  createBackupPolicy: { lab: 'snapshots' },
  planBackupPolicy: { lab: 'snapshots' },
  deleteBackupPolicy: { lab: 'snapshots' },
  takeInventory: { lab: 'snapshots' },
  runBackup: { lab: 'snapshots' },
  applyRetention: { lab: 'snapshots' },
  enforceExpiry: { lab: 'snapshots' },
  setLegalHold: { lab: 'snapshots' },
  restoreFromArchive: { lab: 'snapshots' },
  sweepOrphans: { lab: 'snapshots' },
  createCustomerManagedKey: { lab: 'encryption' },
  encryptVolumes: { lab: 'encryption', as: 'encryptExistingVolumes' },
  encryptSnapshots: { lab: 'encryption' },
  enableEncryptionByDefault: { lab: 'encryption', as: 'enableEbsEncryptionByDefault' },
  createShareableAmi: { lab: 'images' },
  copyAmiToPartnerRegion: { lab: 'images' },
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
