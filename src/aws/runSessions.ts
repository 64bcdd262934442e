import { asyncLocalStorage } from '@temporalio/activity';
import type { RoleCredentials } from './sessionCredentials';

/** AWS allows 64 characters: https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html */
const MAX_SESSION_NAME = 64;

/** Sessions that are kept; a run whose session was dropped assumes its role once more. */
const MOST_SESSIONS = 500;

/** Of what changes nothing, and of what no run does. */
export const SHARED_SESSION = 'holdfast';

/** `holdfast-<run id>` of the run whose activity this is: CloudTrail then says which run a call is of. */
export function runSessionName(): string {
  const runId = asyncLocalStorage.getStore()?.info.workflowExecution?.runId;
  if (!runId) return SHARED_SESSION;
  return `${SHARED_SESSION}-${runId.replace(/[^\w+=,.@-]/g, '-')}`.slice(0, MAX_SESSION_NAME);
}

type Credentials = () => Promise<RoleCredentials>;

/** Credentials by session, the youngest ones. */
export class RunSessions {
  private readonly kept = new Map<string, Credentials>();

  get(key: string, make: () => Credentials): Credentials {
    const known = this.kept.get(key) ?? make();
    // The one that was used last is dropped last.
    this.kept.delete(key);
    this.kept.set(key, known);
    const [oldest] = this.kept.keys();
    if (this.kept.size > MOST_SESSIONS && oldest !== undefined) this.kept.delete(oldest);
    return known;
  }
}

/**
 * Credentials that the SDK asks for at every call, because they depend on whose call it is. Without the mark it would ask
 * once, and sign all calls with the session of the first run.
 */
export function askedEveryTime(credentials: Credentials): Credentials {
  return Object.assign(() => credentials(), { memoized: true });
}
