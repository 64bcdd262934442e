/** What a point can promise: programs were at rest, or it is as after a power failure. */
export type Consistency = 'application' | 'crash';

export function isConsistency(text: string | undefined): text is Consistency {
  return text === 'application' || text === 'crash';
}
