const path = require('node:path');

/**
 * Who may import whom: client, CLI or Schedule → workflow → activity → aws; `model` is read by all and reads nobody.
 * A workflow is replayed, so it may use nothing but its history: see the rules for src/workflows.
 *
 * `model`, `workflows` and `activities` are furnished by capability, with the same folder names. A capability may import itself
 * and those before it, in whichever of the three and however deep its folders are.
 */
const CAPABILITIES = [
  ...['support', 'points', 'iam', 'keys', 'machines', 'copies', 'cost', 'policies', 'retention', 'backup'],
  ...['moves', 'encryption', 'images', 'recovery', 'assessment', 'operations'],
];

const FURNISHED = ['model', 'workflows', 'activities'];

/** What stands in the roots, beside the words of the model. */
const ROOTS = { workflows: ['index', 'contents', 'unknownType'], activities: ['index'] };

/** What each part of src may import of the others: as values, or only their types. */
const PARTS = {
  model: { why: 'the model imports zod and itself only' },
  workflows: {
    values: ['model'],
    types: ['activities'],
    why: 'workflows import src/model, src/workflows, @temporalio/workflow and activity types only',
  },
  activities: {
    values: ['model', 'calendar', 'aws', 'store', 'notify', 'telemetry', 'temporal'],
    why: 'activities do not know workflows, and get what they need injected',
  },
  calendar: { values: ['model'], why: 'the calendar knows the model only' },
  aws: {
    values: ['model', 'telemetry'],
    types: ['config'],
    why: 'data flows from workflow to activity to aws',
  },
  store: {
    values: ['model', 'aws'],
    types: ['config'],
    why: 'data flows from workflow to activity to store',
  },
  notify: { values: ['model', 'telemetry'], types: ['config'], why: 'notices know nobody who sends them' },
  telemetry: { values: ['model'], types: ['config', 'aws'], why: 'telemetry knows nobody whom it measures' },
  config: { values: ['model', 'aws', 'calendar'], why: 'the configuration knows nobody who reads it' },
  temporal: {
    values: ['model', 'config'],
    types: ['activities', 'workflows'],
    why: 'who connects to Temporal knows workflows and activities by type',
  },
  client: {
    values: ['model', 'config', 'calendar', 'temporal'],
    types: ['workflows', 'activities'],
    why: 'clients know workflows by type: write `import type`',
  },
  cli: {
    values: ['model', 'config', 'calendar', 'temporal', 'client', 'store'],
    types: ['workflows', 'activities'],
    why: 'clients know workflows by type: write `import type`',
  },
  worker: {
    values: ['model', 'config', 'activities', 'aws', 'notify', 'store', 'telemetry', 'temporal'],
    why: 'the worker wires the others, and knows no client',
  },
};

/** Packages of those that may not have any other: as values, or only their types. */
const PACKAGES = {
  model: { values: ['zod'] },
  workflows: { values: ['@temporalio/workflow'], types: ['zod'] },
};

/** The root of the model is below all capabilities, and those of workflows and activities, which join them, above. */
function rankOf({ part, capability }) {
  if (capability !== undefined) return CAPABILITIES.indexOf(capability);
  return part === 'model' ? -1 : CAPABILITIES.length;
}

/** Where a path leads, `src/…` or `test/…` of this repository. */
function placeOf(file) {
  const [tree, first = '', ...rest] = file.replace(/\.[jt]s$/, '').split('/');
  const part = first.replace(/\..*$/, '');
  if (!FURNISHED.includes(part)) return { tree, part };
  // `../keys` is a folder and means its index; a file in the root has another name than any capability.
  const capability = rest.length > 1 || CAPABILITIES.includes(rest[0]) ? rest[0] : undefined;
  return { tree, part, capability };
}

/** A file that is in no room, or in one that nobody knows. */
function problemOfPlace({ tree, part, capability }, file) {
  const rooms = `use one of ${CAPABILITIES.join(', ')}, or give it its place among them in eslint.boundaries.js`;
  if (tree === 'src' && !PARTS[part])
    return `src/${part} is new: say in eslint.boundaries.js whom it may import`;
  if (capability !== undefined && !CAPABILITIES.includes(capability))
    return `${tree}/${part}/${capability} is no capability: ${rooms}`;
  if (
    tree === 'src' &&
    capability === undefined &&
    ROOTS[part]?.includes(path.basename(file, '.ts')) === false
  )
    return `${file} is in no capability: ${rooms}`;
  return undefined;
}

function problemOf(from, to, isType) {
  if (to.tree !== 'src') return `src knows nothing of ${to.tree}`;
  const { values = [], types = [], why } = PARTS[from.part];
  const isKnown = from.part === to.part || values.includes(to.part) || (isType && types.includes(to.part));
  if (!isKnown) return why;
  if (!FURNISHED.includes(from.part) || !FURNISHED.includes(to.part)) return undefined;
  // The ways in which workflows call activities take the type of all of them.
  if (from.part === 'workflows' && to.part === 'activities' && to.capability === undefined) return undefined;
  if (rankOf(to) <= rankOf(from)) return undefined;
  if (from.capability === undefined) return `the root of src/${from.part} imports no folder`;
  return `${from.capability} comes before ${to.capability ?? `the root of src/${to.part}`} and may not import it; the order is in eslint.boundaries.js`;
}

function problemOfPackage({ part }, name, isType) {
  const allowed = PACKAGES[part];
  if (!allowed || allowed.values.includes(name) || (isType && allowed.types?.includes(name)))
    return undefined;
  return allowed.types?.includes(name) ? `${name}: import its types only` : PARTS[part].why;
}

const isAllTypes = (kind, specifiers) =>
  kind === 'type' || (specifiers.length > 0 && specifiers.every((each) => each.importKind === 'type'));

/** Every import by where it leads, whichever way it is written. */
const imports = {
  meta: { type: 'problem', schema: [] },
  create(context) {
    const file = path.relative(__dirname, context.filename).split(path.sep).join('/');
    const from = placeOf(file);

    function check(source, isType) {
      const name = source?.value;
      if (typeof name !== 'string' || from.tree !== 'src' || !PARTS[from.part]) return;
      const message = name.startsWith('.')
        ? problemOf(from, placeOf(path.posix.join(path.posix.dirname(file), name)), isType)
        : problemOfPackage(from, name, isType);
      if (message) context.report({ node: source, message });
    }

    return {
      Program(node) {
        const message = problemOfPlace(from, file);
        if (message) context.report({ node, message });
      },
      ImportDeclaration: ({ source, importKind, specifiers }) =>
        check(source, isAllTypes(importKind, specifiers)),
      ExportNamedDeclaration: ({ source, exportKind }) => check(source, exportKind === 'type'),
      ExportAllDeclaration: ({ source, exportKind }) => check(source, exportKind === 'type'),
      ImportExpression: ({ source }) => check(source, false),
      TSImportType: ({ source }) => check(source, true),
      TSExternalModuleReference: ({ expression }) => check(expression, false),
      CallExpression({ callee, arguments: [first] }) {
        if (callee.name === 'require') check(first, false);
      },
    };
  },
};

const UNREPLAYABLE = [
  ['ImportExpression', 'workflows are bundled: import statically'],
  ["CallExpression[callee.name='require']", 'workflows are bundled: import statically'],
  [
    "MemberExpression[object.name='Math'][property.name='random']",
    'use uuid4 of @temporalio/workflow, or an activity',
  ],
  ["MemberExpression[object.name='Date'][property.name=/^(parse|UTC)$/]", 'dates are parsed in an activity'],
  [
    "NewExpression[callee.name='Date'] > :matches(Literal, TemplateLiteral)",
    'dates are parsed in an activity',
  ],
  [
    'MemberExpression[property.name=/^(get|set)(UTC)?(FullYear|Month|Date|Day|Hours|Minutes|Seconds|Milliseconds)$|^toLocale.*String$|^getTimezoneOffset$/]',
    'calendar arithmetic happens once, in an activity',
  ],
].map(([selector, message]) => ({ selector, message }));

const OUTSIDE_HISTORY = [
  ...['process', 'console', 'Buffer', 'fetch', 'crypto', 'performance', 'global', 'globalThis', 'Intl'],
  ...['setTimeout', 'setInterval', 'setImmediate', 'queueMicrotask', 'FinalizationRegistry', 'WeakRef'],
].map((name) => ({
  name,
  message: 'not in a workflow: use @temporalio/workflow (sleep, log) or an activity',
}));

const boundaries = [
  {
    files: ['src/**/*.ts', 'test/{model,workflows,activities}/**/*.ts'],
    plugins: { house: { rules: { imports } } },
    rules: { 'house/imports': 'error' },
  },
  {
    files: ['src/workflows/**/*.ts'],
    rules: {
      'no-restricted-syntax': ['error', ...UNREPLAYABLE],
      'no-restricted-globals': ['error', ...OUTSIDE_HISTORY],
    },
  },
];

module.exports = { boundaries };
