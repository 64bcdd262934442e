import { methodOf, type OperationName } from '../model/operations';

/** Temporal takes 400 bytes: https://docs.temporal.io/develop/typescript/workflows/enriching-ui */
const LONGEST = 200;
/** Ids that are named one by one. */
const NAMED = 2;

/** What an operation is about, in the order in which a reader wants to know it. */
const SUBJECTS = ['policyName', 'recoveryPointId', 'lineage', 'alias', 'amiName', 'amiId', 'instanceId'];
const LISTS = ['instanceIds', 'volumeIds', 'snapshotIds'];

/** One line that tells a run from the others in a list of them, where ids are random: what is done, and to what. */
export function summaryOf(name: OperationName, input: object): string {
  const fields = input as Record<string, unknown>;
  const subject = SUBJECTS.map((field) => fields[field]).find((value) => typeof value === 'string');
  const list = LISTS.map((field) => fields[field]).find((value) => Array.isArray(value));
  const about = subject ?? (list ? namesOf(list) : tagsOf(fields.selector));
  const isTried = fields.dryRun === true ? ' (dry run)' : '';
  return `${sentence(methodOf(name))}${about ? `: ${about}` : ''}${isTried}`.slice(0, LONGEST);
}

function namesOf(ids: readonly unknown[]): string {
  const more = ids.length - NAMED;
  return `${ids.slice(0, NAMED).join(', ')}${more > 0 ? ` and ${more} more` : ''}`;
}

function tagsOf(selector: unknown): string {
  const { tags } = (selector ?? {}) as { tags?: { all?: Record<string, string | string[]> } };
  return Object.entries(tags?.all ?? {})
    .map(([key, value]) => `${key}=${[value].flat().join('|')}`)
    .join(', ');
}

/** `createBackupPolicy` → `Create backup policy`. */
function sentence(name: string): string {
  const words = name.replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);
  return words.charAt(0).toUpperCase() + words.slice(1);
}
