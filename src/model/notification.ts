/** What a person should know, and a program can read. */
export interface Notification {
  /** `Failed`: a run did not do what was asked. `MissedSlots`: a policy was due, and no run was there. */
  kind: 'Failed' | 'MissedSlots';
  /** One sentence. */
  summary: string;
  workflowType: string;
  workflowId: string;
  runId: string;
  policyName?: string;
  /** Failure type or outcome. */
  outcome?: string;
}
