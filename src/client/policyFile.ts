import { readFileSync } from 'node:fs';
import { isMap, LineCounter, parseDocument, type Document } from 'yaml';
import { z } from 'zod';
import { describeIssue, writtenSchema } from '../model/input';
import { retentionFields } from '../model/points/retentionTerms';
import { rhythmOf, ScheduleProblem } from '../calendar/timetable';
import {
  createBackupPolicyInput,
  policyFields,
  rhythmProblems,
  type BackupPolicy,
  type CreateBackupPolicyInput,
  type PolicyProblem,
} from '../model/policies/policy';

/** The YAML form of a policy. It holds the same fields as the flat input, grouped for people. */
const { policyName, frequency, cron, calendar, jitter, timezone, minKeep, paused, ...rest } = policyFields;
const { retention: _, ...ungrouped } = rest;

const policyFileSchema = z.strictObject({
  apiVersion: z.literal('holdfast/v1'),
  kind: z.literal('BackupPolicy'),
  metadata: z.strictObject({ name: policyName }),
  spec: z.strictObject({
    ...ungrouped,
    schedule: z.strictObject({
      every: frequency,
      cron,
      calendar,
      jitter,
      timezone: timezone.optional(),
      paused: paused.optional(),
    }),
    retention: z.strictObject({ ...retentionFields, minKeep: minKeep.optional() }),
  }),
});

/** For editors: the JSON Schema of a policy file. */
export function policyFileJsonSchema(): object {
  return writtenSchema(policyFileSchema);
}

/** Where a field of the flat input stands in the YAML form. */
const YAML_PATHS: Record<string, string[]> = {
  policyName: ['metadata', 'name'],
  frequency: ['spec', 'schedule', 'every'],
  cron: ['spec', 'schedule', 'cron'],
  calendar: ['spec', 'schedule', 'calendar'],
  jitter: ['spec', 'schedule', 'jitter'],
  timezone: ['spec', 'schedule', 'timezone'],
  paused: ['spec', 'schedule', 'paused'],
  retention: ['spec', 'retention'],
  minKeep: ['spec', 'retention', 'minKeep'],
};

/** Workflows tell problems in the words of the flat input; people with a file look for those that stand in it. */
export function inYamlWords(message: string): string {
  return message.replace(/\bfrequency\b/g, 'schedule.every');
}

/** A policy file that cannot be used; the message names file, line, field and fix. */
export class PolicyFileError extends Error {
  override readonly name = 'PolicyFileError';
}

/** @throws PolicyFileError */
export function readPolicyFile(path: string): CreateBackupPolicyInput {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    throw new PolicyFileError(`${path}: cannot be read: ${error instanceof Error ? error.message : ''}`);
  }
  return parsePolicyFile(text, path);
}

/**
 * Files that are used together: of two with one name the last would win.
 *
 * @throws PolicyFileError
 */
export function readPolicyFiles(paths: readonly string[]): CreateBackupPolicyInput[] {
  const files = new Map<string, string>();
  return paths.map((path) => {
    const policy = readPolicyFile(path);
    const other = files.get(policy.policyName);
    if (other !== undefined)
      throw new PolicyFileError(
        `${path}: metadata.name: ${policy.policyName} is the policy of ${other} too; give one of them another name, or name one file`,
      );
    files.set(policy.policyName, path);
    return policy;
  });
}

const SECOND_DOCUMENT =
  'a second document begins with this ---, and a file is one policy: put each into a file of its own and name them all, or take the line out';

/** @throws PolicyFileError */
export function parsePolicyFile(text: string, path: string): CreateBackupPolicyInput {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines });
  const [error] = document.errors;
  if (error)
    throw new PolicyFileError(
      `${path}:${lines.linePos(error.pos[0]).line}: ${error.code === 'MULTIPLE_DOCS' ? SECOND_DOCUMENT : `not YAML: ${error.message.split('\n')[0]}`}`,
    );
  const failed = (issues: readonly z.core.$ZodIssue[], yamlPath: (field: PropertyKey[]) => PropertyKey[]) =>
    new PolicyFileError(
      issues
        .map((issue) => {
          const message = inYamlWords(issue.message);
          const at = { ...issue, message, path: yamlPath([...issue.path]) };
          return `${path}:${lineOf(document, lines, at)}: ${describeIssue(at)}`;
        })
        .join('\n'),
    );
  const written: unknown = document.toJS();
  const file = policyFileSchema.safeParse(written);
  if (!file.success) throw failed(file.error.issues, (field) => field);
  // As written: defaults are the workflow's to fill in.
  const { metadata, spec } = written as z.input<typeof policyFileSchema>;
  const { schedule, retention, ...rest } = spec;
  const { minKeep: least, ...terms } = retention;
  const byAgeAlone = Object.keys(terms).length === 1 && terms.keep !== undefined;
  const flat = {
    ...rest,
    policyName: metadata.name,
    frequency: schedule.every,
    cron: schedule.cron,
    calendar: schedule.calendar,
    jitter: schedule.jitter,
    timezone: schedule.timezone,
    paused: schedule.paused,
    retention: byAgeAlone ? terms.keep : terms,
    minKeep: least,
  };
  const defined = Object.fromEntries(Object.entries(flat).filter(([, value]) => value !== undefined));
  const policy = createBackupPolicyInput.safeParse(defined);
  const paths = byAgeAlone ? { ...YAML_PATHS, retention: ['spec', 'retention', 'keep'] } : YAML_PATHS;
  const inYaml = ([field, ...more]: PropertyKey[]) => [
    ...(paths[String(field)] ?? ['spec', String(field)]),
    ...more,
  ];
  if (!policy.success) throw failed(policy.error.issues, inYaml);
  const late = lateProblems(policy.data).map(({ path: field, message }) => ({
    code: 'custom' as const,
    path: [field],
    message,
    input: undefined,
  }));
  if (late.length > 0) throw failed(late, inYaml);
  return defined as CreateBackupPolicyInput;
}

/** What only a calendar knows. */
function lateProblems(policy: BackupPolicy): PolicyProblem[] {
  try {
    return rhythmProblems(policy, rhythmOf(policy, Date.now()));
  } catch (error) {
    if (error instanceof ScheduleProblem) return [{ path: error.field, message: error.message }];
    throw error;
  }
}

/** The line of the field, or of the nearest thing around it that is there. */
function lineOf(document: Document, lines: LineCounter, issue: z.core.$ZodIssue): number {
  const path = issue.code === 'unrecognized_keys' ? [...issue.path, issue.keys[0] ?? ''] : [...issue.path];
  for (; path.length > 0; path.pop()) {
    const parent: unknown = path.length === 1 ? document.contents : document.getIn(path.slice(0, -1), true);
    if (!isMap(parent)) continue;
    const pair = parent.items.find(({ key }) => String(key) === String(path.at(-1)));
    const range = (pair?.key as { range?: [number, number, number] } | undefined)?.range;
    if (range) return lines.linePos(range[0]).line;
  }
  return 1;
}
