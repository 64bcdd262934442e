/**
 * Who may import whom: client, CLI or Schedule → workflow → activity → aws; `model` is read by all and reads nobody.
 * A workflow is replayed, so it may use nothing but its history: see the rules for src/workflows.
 */
const imports = (...patterns) => ({ '@typescript-eslint/no-restricted-imports': ['error', { patterns }] });

const forbid = (regex, message, allowTypeImports = false) => ({ regex, message, allowTypeImports });

const WORKFLOW_IMPORTS =
  'workflows import src/model, src/workflows, @temporalio/workflow and activity types only';

const forWorkflows = (up) =>
  imports(
    forbid('^(?!\\.{1,2}/|@temporalio/workflow$|zod$)', WORKFLOW_IMPORTS),
    forbid('^zod$', 'parsing belongs to src/model; import the type only', true),
    forbid(`^${up}(?!model/|activities(/|$))`, WORKFLOW_IMPORTS),
    forbid(`^${up}activities`, 'workflows know activities by type: write `import type`', true),
  );

const forModel = (inside) => imports(forbid(`^(?!${inside}|zod$)`, 'the model imports zod and itself only'));

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
    files: ['src/workflows/**/*.ts'],
    rules: {
      'no-restricted-syntax': ['error', ...UNREPLAYABLE],
      'no-restricted-globals': ['error', ...OUTSIDE_HISTORY],
    },
  },
  { files: ['src/workflows/*.ts'], rules: forWorkflows('\\.\\./') },
  { files: ['src/workflows/*/*.ts'], rules: forWorkflows('(\\.\\./){2}') },
  { files: ['src/workflows/*/*/*.ts'], rules: forWorkflows('(\\.\\./){3}') },
  { files: ['src/model/*.ts'], rules: forModel('\\./') },
  { files: ['src/model/*/*.ts'], rules: forModel('\\.\\.?/(?!\\.\\.)') },
  {
    files: ['src/activities/**/*.ts'],
    rules: imports(
      forbid('^(\\.\\./)+workflows(/|$)', 'activities do not know workflows'),
      forbid('^(\\.\\./)+(config|worker|client|cli)(/|$)', 'activities get what they need injected'),
    ),
  },
  {
    files: ['src/{aws,store}/**/*.ts'],
    rules: imports(
      forbid('^\\.{1,2}/(.*/)?(workflows|activities)(/|$)', 'data flows from workflow to activity to aws'),
      forbid(
        '^(\\.\\./)+(config|worker|client|cli)(/|$)',
        'only worker, client and CLI read the configuration',
        true,
      ),
    ),
  },
  {
    files: ['src/client.ts', 'src/{client,cli}/**/*.ts'],
    rules: imports(
      forbid(
        '^\\.{1,2}/(.*/)?(workflows|activities)(/|$)',
        'clients know workflows by type: write `import type`',
        true,
      ),
    ),
  },
];

module.exports = { boundaries };
