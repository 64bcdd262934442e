import path from 'node:path';
import { ESLint, type Linter } from 'eslint';

const ROOT = path.resolve(__dirname, '../..');

const BOUNDARY_RULES = [
  'no-restricted-syntax',
  'no-restricted-globals',
  '@typescript-eslint/no-restricted-imports',
];

describe('the boundary rules', () => {
  const eslint = new ESLint({
    cwd: ROOT,
    overrideConfigFile: true,
    overrideConfig: [
      ...jest.requireActual<Linter.Config[]>('../../eslint.config.js'),
      // Without type information a snippet needs no file on disk.
      { files: ['**/*.ts'], languageOptions: { parserOptions: { projectService: false } } },
    ],
    ruleFilter: ({ ruleId }) => BOUNDARY_RULES.includes(ruleId),
  });

  async function complaints(filePath: string, code: string): Promise<string[]> {
    const results = await eslint.lintText(code, { filePath: path.join(ROOT, filePath) });
    return results.flatMap(({ messages }) => messages.map(({ ruleId, message }) => `${ruleId}: ${message}`));
  }

  const WORKFLOW = 'src/workflows/snippet.ts';
  const SUPPORT = 'src/workflows/support/snippet.ts';

  it.each([
    ['a Node built-in', WORKFLOW, "import { readFileSync } from 'node:fs';"],
    ['a Node built-in without prefix', WORKFLOW, "import fs from 'fs';"],
    ['the AWS SDK', WORKFLOW, "import { EC2Client } from '@aws-sdk/client-ec2';"],
    ['a type of the AWS SDK', WORKFLOW, "import type { Volume } from '@aws-sdk/client-ec2';"],
    ['another Temporal package', WORKFLOW, "import { Client } from '@temporalio/client';"],
    ['an activity', WORKFLOW, "import { createActivities } from '../activities';"],
    ['an activity, in support', SUPPORT, "import { createActivities } from '../../activities';"],
    ['aws', WORKFLOW, "import type { AwsClients } from '../aws/clients';"],
    ['aws, in support', SUPPORT, "import { classify } from '../../aws/classify';"],
    ['the configuration', WORKFLOW, "import { readWorkerConfig } from '../config';"],
    ['zod as a value', WORKFLOW, "import { z } from 'zod';"],
    ['a dynamic import', WORKFLOW, "export const later = () => import('./other');"],
    ['process', WORKFLOW, 'export const region = process.env.AWS_REGION;'],
    ['console', WORKFLOW, "export const say = () => console.log('x');"],
    ['a random number', WORKFLOW, 'export const roll = () => Math.random();'],
    ['a parsed date', WORKFLOW, 'export const at = (text: string) => Date.parse(text);'],
    ['a date literal', WORKFLOW, "export const at = new Date('2026-01-01');"],
    ['calendar arithmetic', WORKFLOW, 'export const month = (d: Date) => d.getUTCMonth();'],
    ['a bare timer', WORKFLOW, 'export const wait = () => setTimeout(() => undefined, 1);'],
    ['the SDK in the model', 'src/model/snippet.ts', "import type { Volume } from '@aws-sdk/client-ec2';"],
    ['aws in the model', 'src/model/snippet.ts', "import { classify } from '../aws/classify';"],
    [
      'a workflow in an activity',
      'src/activities/snippet.ts',
      "import { runBackup } from '../workflows/runBackup';",
    ],
    [
      'the configuration in an activity',
      'src/activities/snippet.ts',
      "import { readWorkerConfig } from '../config';",
    ],
    ['an activity in aws', 'src/aws/snippet.ts', "import type { ActivityDeps } from '../activities/deps';"],
    [
      'a workflow as a value in the client',
      'src/client.ts',
      "import { runBackup } from './workflows/runBackup';",
    ],
  ])('forbid %s', async (_what, file, code) => {
    expect(await complaints(file, code)).toEqual([
      expect.stringMatching(/^(@typescript-eslint\/)?no-restricted-/),
    ]);
  });

  it.each([
    [
      'model, support and Temporal',
      WORKFLOW,
      "import { sleep } from '@temporalio/workflow';\nimport { FAILURE } from '../model/failures';\nimport { fail } from './support/failure';",
    ],
    ['activity types', WORKFLOW, "import type { Activities } from '../activities';"],
    [
      'activity types, in support',
      SUPPORT,
      "import type { Activities } from '../../activities';\nimport { FAILURE } from '../../model/failures';",
    ],
    ['the current time', WORKFLOW, 'export const now = () => new Date(Date.now()).toISOString();'],
    [
      'zod in the model',
      'src/model/snippet.ts',
      "import { z } from 'zod';\nimport { FAILURE } from './failures';",
    ],
    ['aws in an activity', 'src/activities/snippet.ts', "import { isNotFound } from '../aws/failures';"],
    [
      'workflow types in the client',
      'src/client.ts',
      "import type { runBackup } from './workflows/runBackup';",
    ],
  ])('allow %s', async (_what, file, code) => {
    expect(await complaints(file, code)).toEqual([]);
  });
});
