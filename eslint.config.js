const prettier = require('eslint-config-prettier');
const tseslint = require('typescript-eslint');
const { boundaries } = require('./eslint.boundaries.js');

const NODE_GLOBALS = ['process', 'console', 'URL', 'Buffer', 'AbortSignal', 'AbortController', 'fetch']
  .concat(['setTimeout', 'clearTimeout', 'setInterval', 'clearInterval', '__dirname', 'require', 'module'])
  .map((name) => [name, 'readonly']);

module.exports = tseslint.config(
  { ignores: ['dist/', '.holdfast/', 'coverage/', 'node_modules/', 'test/replay/histories/'] },
  // A rule that is wrong is changed here, for everybody; no comment switches one off.
  { linterOptions: { noInlineConfig: true } },
  {
    files: ['**/*.ts'],
    extends: [...tseslint.configs.recommendedTypeChecked, ...tseslint.configs.stylisticTypeChecked],
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: __dirname } },
    rules: {
      '@typescript-eslint/ban-ts-comment': [
        'error',
        { 'ts-expect-error': true, 'ts-ignore': true, 'ts-nocheck': true },
      ],
      '@typescript-eslint/consistent-type-imports': ['error', { fixStyle: 'inline-type-imports' }],
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_' }],
      '@typescript-eslint/switch-exhaustiveness-check': 'error',
      // `||` is right where an empty string means "not given".
      '@typescript-eslint/prefer-nullish-coalescing': ['error', { ignorePrimitives: { string: true } }],
      eqeqeq: 'error',
      'max-lines': ['error', { max: 300, skipBlankLines: true }],
      'no-restricted-globals': ['error', 'event', 'name'],
    },
  },
  {
    files: ['**/*.{js,mjs,cjs}'],
    languageOptions: { ecmaVersion: 2023, globals: Object.fromEntries(NODE_GLOBALS) },
    rules: {
      eqeqeq: 'error',
      'no-undef': 'error',
      'no-unused-vars': 'error',
      'no-var': 'error',
      'prefer-const': 'error',
    },
  },
  { files: ['**/*.js'], languageOptions: { sourceType: 'commonjs' } },
  ...boundaries,
  prettier,
);
