import { z } from 'zod';
import { inputWords } from './inputWords';

// Every schema is read through this module; words that a schema has of its own come first.
z.config({ localeError: inputWords });

/** Who asked, and under which ticket: ends up in tags and evidence. A claim, not authentication. */
const requestFields = {
  requestedBy: z
    .string()
    .min(1)
    .max(128)
    .optional()
    .describe('Who asked: a claim, which ends up in tags and evidence.'),
  ticket: z.string().min(1).max(128).optional().describe('Under which ticket; ends up in tags and evidence.'),
};

/** Every workflow's input is one JSON object, takes the request fields, and refuses keys that it does not know. */
export function operationInput<Shape extends z.ZodRawShape>(shape: Shape) {
  return z.strictObject({ ...shape, ...requestFields });
}

/**
 * A field that the contract knows and this version does not carry out yet. Refusing is honest; ignoring it would let
 * people believe that, say, their copies exist.
 */
export function notYet(what: string) {
  return z.undefined({ error: `${what} not available in this version of Holdfast; leave it out` }).optional();
}

/** The JSON Schema of what people write. What this version does not carry out is not allowed in it. */
export function writtenSchema(schema: z.ZodType): z.core.JSONSchema.BaseSchema {
  return z.toJSONSchema(schema, {
    io: 'input',
    unrepresentable: 'any',
    override: ({ zodSchema, jsonSchema }) => {
      if (zodSchema._zod.def.type === 'undefined') jsonSchema.not = {};
    },
  });
}

/** In place of an input: somebody gave more than the one JSON object, and nobody can know which is meant. */
export class ExtraArguments {
  constructor(readonly count: number) {}
}

export type Parsed<T> = { ok: true; value: T } | { ok: false; problems: string };

/** Parses an input; the problems are one line that names every wrong field and its fix. */
export function parseInput<Schema extends z.ZodType>(
  schema: Schema,
  input: unknown,
): Parsed<z.output<Schema>> {
  if (input instanceof ExtraArguments) {
    const problems = `the input must be one JSON object, but ${input.count} arguments were given; put all fields into one object, and give --input once`;
    return { ok: false, problems };
  }
  if (typeof input !== 'object' || input === null || Array.isArray(input)) {
    return { ok: false, problems: `the input must be one JSON object, but it is ${nameOf(input)}` };
  }
  const result = schema.safeParse(input);
  if (result.success) return { ok: true, value: result.data };
  return { ok: false, problems: result.error.issues.map(describeIssue).join('; ') };
}

function nameOf(input: unknown): string {
  if (input === undefined) return 'missing';
  if (input === null) return 'null';
  return Array.isArray(input) ? 'an array' : `a ${typeof input}`;
}

/** Of a choice between forms, the complaint about the form that was meant. */
function meant(issue: z.core.$ZodIssueInvalidUnion): z.core.$ZodIssue | undefined {
  const isOtherForm = ([first]: z.core.$ZodIssue[]) =>
    first?.code === 'invalid_type' && first.path.length === 0;
  const [inner] = issue.errors.find((each) => !isOtherForm(each)) ?? [];
  return inner && { ...inner, path: [...issue.path, ...inner.path] };
}

export function describeIssue(issue: z.core.$ZodIssue): string {
  const inner = issue.code === 'invalid_union' ? meant(issue) : undefined;
  if (inner) return describeIssue(inner);
  if (issue.code === 'unrecognized_keys') {
    const keys = issue.keys.map((key) => fieldName([...issue.path, key])).join(', ');
    return `${keys}: not a field of this input; check the spelling or remove it`;
  }
  return `${fieldName(issue.path)}: ${issue.message}`;
}

function fieldName(path: PropertyKey[]): string {
  if (path.length === 0) return 'input';
  return path
    .map((part, index) => (typeof part === 'number' ? `[${part}]` : `${index > 0 ? '.' : ''}${String(part)}`))
    .join('');
}
