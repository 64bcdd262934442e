import type { z } from 'zod';
import { row } from './markdown';

type Schema = z.core.JSONSchema.BaseSchema;

interface Field {
  path: string;
  schema: Schema;
  isRequired: boolean;
}

/** The fields of an input as rows of a table, those of objects in it by their path. */
export function inputRows(schema: Schema): string[] {
  return fieldsOf(schema, '')
    .filter((field) => !isRefused(field.schema))
    .map(({ path, schema: of, isRequired }) =>
      row([
        `\`${path}\`${isRequired ? ' **required**' : ''}`,
        `${typeOf(of)}${defaultOf(of)}`,
        meaningOf(of),
      ]),
    );
}

/** Fields that the contract knows, and this version refuses. */
export function refusedFields(schema: Schema): string[] {
  return fieldsOf(schema, '').flatMap((field) => (isRefused(field.schema) ? field.path : []));
}

function isRefused({ not }: Schema): boolean {
  return not !== undefined;
}

function fieldsOf(schema: Schema, prefix: string): Field[] {
  const required = new Set(schema.required ?? []);
  return Object.entries(schema.properties ?? {}).flatMap(([name, each]) => {
    const field = each as Schema;
    const path = `${prefix}${name}`;
    return [{ path, schema: field, isRequired: required.has(name) }, ...nested(field, path)];
  });
}

function nested(schema: Schema, path: string): Field[] {
  const forms = (schema.anyOf ?? []).flatMap((form) => nested(form, path));
  const items = schema.items as Schema | undefined;
  return [...fieldsOf(schema, `${path}.`), ...forms, ...(items ? nested(items, `${path}[]`) : [])];
}

function typeOf(schema: Schema): string {
  const { anyOf, enum: choices, items } = schema;
  if (anyOf) return [...new Set(anyOf.map((form) => typeOf(form)))].join(' or ');
  if (schema.const !== undefined) return code(schema.const);
  if (choices) return choices.map(code).join(' or ');
  if (items) return `list of ${plural(typeOf(items as Schema))}`;
  const values = schema.additionalProperties;
  if (typeof values === 'object') return `object: each key a ${typeOf(values)}`;
  return `${[schema.type].flat().join(' or ')}${rangeOf(schema)}`;
}

function plural(type: string): string {
  return type.replace(/^(string|number|object|integer)\b/, '$1s');
}

function rangeOf({ minimum, maximum }: Schema): string {
  // What zod says of any whole number.
  const isBound = (bound: unknown) => typeof bound === 'number' && Math.abs(bound) < Number.MAX_SAFE_INTEGER;
  if (isBound(minimum) && isBound(maximum)) return ` ${minimum}–${maximum}`;
  return isBound(minimum) ? ` from ${minimum}` : '';
}

function defaultOf({ default: value }: Schema): string {
  return value === undefined ? '' : `; ${code(value)} when left out`;
}

function meaningOf(schema: Schema): string {
  const examples = schema.examples ?? (schema.items as Schema | undefined)?.examples ?? [];
  const like = examples.length > 0 ? `Like ${examples.map((each) => `\`${String(each)}\``).join(', ')}.` : '';
  return [schema.description, like].filter(Boolean).join(' ');
}

function code(value: unknown): string {
  return `\`${JSON.stringify(value)}\``;
}
