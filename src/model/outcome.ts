/** Value of the search attribute `HoldfastOutcome`, set when a workflow ends. */
export type Outcome =
  'Succeeded' | 'PartialFailure' | 'AllFailed' | 'InvalidInput' | 'Failed' | 'RolledBack' | 'Cancelled';

/** One thing that did not happen: which, and why (a failure type and one sentence). */
export interface FailedItem {
  item: string;
  type: string;
  message: string;
}
