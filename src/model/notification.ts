/** What a person should know, and a program can read. */
export interface Notification {
  /**
   * `Failed`: a run did not do what was asked. `MissedSlots`: a policy was due, and no run was there. `RpoAtRisk`: a run
   * has taken half of the time until the points before it violate the RPO. `NeedsPerson`: a run waits for somebody to put
   * something right, and to send `resume`.
   */
  kind: 'Failed' | 'MissedSlots' | 'RpoAtRisk' | 'NeedsPerson';
  /** One sentence. */
  summary: string;
  workflowType: string;
  workflowId: string;
  runId: string;
  policyName?: string;
  /** Failure type or outcome. */
  outcome?: string;
}
