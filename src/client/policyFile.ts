import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { whyUnreadable } from '../model/fileWords';
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
import { readDocuments, type YamlDocument } from './yamlDocuments';

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

/** Policy files that cannot be used; the message names file, line, field and fix of every problem, each in a line of its own. */
export class PolicyFileError extends Error {
  override readonly name = 'PolicyFileError';
}

type Policy = CreateBackupPolicyInput;

/**
 * A file that holds one policy.
 *
 * @throws PolicyFileError
 */
export function readPolicyFile(path: string): Policy {
  const [policy, ...more] = parsePolicyFile(textOf(path), path);
  if (policy && more.length === 0) return policy;
  throw new PolicyFileError(`${path}: holds ${1 + more.length} policies, and one is asked for`);
}

/**
 * Files that are used together, all of their policies; a folder stands for the YAML files in it. Of two policies with one name the
 * last would win.
 *
 * @throws PolicyFileError
 */
export function readPolicyFiles(paths: readonly string[]): Policy[] {
  const files = new Map<string, string>();
  const problems: string[] = [];
  const policies = attempted(problems, paths, filesOf).flatMap((path) =>
    attempted(problems, [path], (each) => parsePolicyFile(textOf(each), each)).map((policy) => {
      const other = files.get(policy.policyName);
      if (other !== undefined) problems.push(twice(policy.policyName, path, other));
      files.set(policy.policyName, path);
      return policy;
    }),
  );
  if (problems.length > 0) throw new PolicyFileError(problems.join('\n'));
  return policies;
}

/** Everything that is wrong is told in one round. */
function attempted<Result>(
  problems: string[],
  paths: readonly string[],
  read: (path: string) => Result[],
): Result[] {
  return paths.flatMap((path) => {
    try {
      return read(path);
    } catch (error) {
      if (!(error instanceof PolicyFileError)) throw error;
      problems.push(error.message);
      return [];
    }
  });
}

function twice(policyName: string, path: string, other: string): string {
  const where = other === path ? 'another document of this file' : other;
  return `${path}: metadata.name: ${policyName} is the policy of ${where} too; give one of them another name, or name one file`;
}

function filesOf(path: string): string[] {
  if (!statSync(path, { throwIfNoEntry: false })?.isDirectory()) return [path];
  const found = readdirSync(path).filter((name) => /\.ya?ml$/.test(name));
  if (found.length === 0) throw new PolicyFileError(`${path}: a folder without .yaml files`);
  return found.sort().map((name) => join(path, name));
}

function textOf(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    throw new PolicyFileError(`${path}: cannot be read: ${whyUnreadable(error)}`);
  }
}

/**
 * The policies of a file: one a document.
 *
 * @throws PolicyFileError with the problems of all documents
 */
export function parsePolicyFile(text: string, path: string): Policy[] {
  const read = readDocuments(text);
  if ('problems' in read)
    throw new PolicyFileError(
      read.problems.map(([line, problem]) => `${path}:${line}: ${problem}`).join('\n'),
    );
  if (read.documents.length === 0)
    throw new PolicyFileError(`${path}: holds no policy; see policies/ for examples`);
  const problems: string[] = [];
  const policies = read.documents.flatMap((document) =>
    attempted(problems, [path], () => [policyIn(document, path)]),
  );
  if (problems.length > 0) throw new PolicyFileError(problems.join('\n'));
  return policies;
}

function policyIn(document: YamlDocument, path: string): Policy {
  const failed = (issues: readonly z.core.$ZodIssue[], yamlPath: (field: PropertyKey[]) => PropertyKey[]) =>
    new PolicyFileError(
      issues
        .map((issue) => {
          const at = { ...issue, message: inYamlWords(issue.message), path: yamlPath([...issue.path]) };
          return `${path}:${document.lineOf(at)}: ${describeIssue(at)}${quoteIt(document, at)}`;
        })
        .join('\n'),
    );
  const file = policyFileSchema.safeParse(document.written);
  if (!file.success) throw failed(file.error.issues, (field) => field);
  // As written: defaults are the workflow's to fill in.
  const { metadata, spec } = document.written as z.input<typeof policyFileSchema>;
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
  return defined as Policy;
}

/** YAML takes `true`, `12345` and `012345678901` for what they look like, where a text is meant. */
function quoteIt(document: YamlDocument, issue: z.core.$ZodIssue): string {
  const wantsText =
    issue.code === 'invalid_type' ? issue.expected === 'string' : issue.code === 'invalid_union';
  if (!wantsText) return '';
  const { path } = issue;
  const value = path.reduce<unknown>(
    (inside, key) => (typeof inside === 'object' && inside !== null ? Reflect.get(inside, key) : undefined),
    document.written,
  );
  const source = document.sourceOf(path);
  const isTaken = typeof value === 'boolean' || typeof value === 'number';
  return isTaken && source !== undefined ? `; a text goes in quotes: '${source}'` : '';
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
