import { writtenSchema } from '../../src/model/input';
import {
  methodOf,
  OPERATION_NAMES,
  OPERATIONS,
  type Lab,
  type OperationName,
} from '../../src/model/operations';
import { OPERATION_INPUTS } from '../../src/model/operations/inputs';
import { inputRows, refusedFields } from './inputs';
import { row, table } from './markdown';
import { ResultTypes, type ResultType } from './results';

export const REFERENCE = 'docs/reference/workflows';

const GENERATED =
  '<!-- Made by `npm run reference` from the schemas and types of src/model; change those. -->';

const MANAGERS: Record<Lab, string> = {
  snapshots: 'SnapshotManager',
  encryption: 'EncryptionManager',
  images: 'CrossAccountAmiManager',
};

/** The generated pages of the reference: file name and text. */
export function referencePages(): Map<string, string> {
  const results = new ResultTypes();
  const pages = OPERATION_NAMES.map((name) => [`${name}.md`, pageOf(name, results.of(name))] as const);
  return new Map([['README.md', contents(results.common())], ...pages]);
}

function pageOf(name: OperationName, [result, ...parts]: ResultType[]): string {
  const { lab, does } = OPERATIONS[name];
  return paragraphs([
    `# ${name}`,
    GENERATED,
    does,
    `In TypeScript it is \`${name}(holdfast, input)\`, and \`new ${MANAGERS[lab]}(holdfast).${methodOf(name)}(input)\`; \`holdfast schema ${name}\` prints the JSON Schema of the input.`,
    '## Input',
    ...inputOf(name),
    '## Result',
    result ? fieldsTable(result) : '',
    ...parts.flatMap((part) => [`### ${part.name}`, part.meaning, fieldsTable(part)]),
    'What `Listed`, `Target`, `FailedItem` and `SkippedItem` are is on [the first page](README.md#in-many-results).',
  ]);
}

function inputOf(name: OperationName): string[] {
  const input = OPERATION_INPUTS[name];
  const [first = name] = OPERATION_NAMES.filter((each) => OPERATION_INPUTS[each] === input);
  if (first !== name) return [`The same as that of [${first}](${first}.md#input).`];
  const schema = writtenSchema(input);
  const refused = refusedFields(schema).map((field) => `\`${field}\``);
  return [
    table(['field', 'type', 'meaning'], inputRows(schema)),
    refused.length > 0 ? `Not in this version, and refused: ${refused.join(', ')}.` : '',
  ];
}

function contents(common: readonly ResultType[]): string {
  return paragraphs([
    '# Workflows',
    GENERATED,
    'Each is started on the task queue `holdfast` with one JSON object. A field that is not in its table is refused as `InvalidInput`, by name, before any AWS call. ' +
      'Durations are like `15m`, `4h`, `30d`; where something is kept also `12mo`, `7y` and `forever`.',
    table(
      ['workflow', 'what it does'],
      OPERATION_NAMES.map((name) => row([`[${name}](${name}.md)`, OPERATIONS[name].does])),
    ),
    '## In many results',
    ...common.flatMap((each) => [`### ${each.name}`, each.meaning, fieldsTable(each)]),
  ]);
}

function fieldsTable({ fields }: ResultType): string {
  return table(
    ['field', 'type', 'meaning'],
    fields.map(({ name, type, isOptional, meaning }) =>
      row([`\`${name}\`${isOptional ? ' (if any)' : ''}`, `\`${type.replace(/`/g, "'")}\``, meaning]),
    ),
  );
}

function paragraphs(parts: readonly string[]): string {
  return `${parts.filter(Boolean).join('\n\n')}\n`;
}
