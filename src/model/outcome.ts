export interface SkippedItem {
  item: string;
  reasons: string[];
  /** Its volumes are encrypted already: what was asked for is so. */
  nothingToDo?: true;
}

/** What a look for warnings could not see, and how it could. */
export interface NotChecked {
  what: string;
  why: string;
  items: string[];
}

/** Value of the search attribute `HoldfastOutcome`, set when a workflow ends. */
export type Outcome =
  'Succeeded' | 'PartialFailure' | 'AllFailed' | 'InvalidInput' | 'Failed' | 'RolledBack' | 'Cancelled';

/** One thing that did not happen: which, and why (a failure type and one sentence). */
export interface FailedItem {
  item: string;
  type: string;
  message: string;
}
