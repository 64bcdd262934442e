import path from 'node:path';
import { ESLint, type Linter } from 'eslint';

const ROOT = path.resolve(__dirname, '../..');

const BOUNDARY_RULES = ['no-restricted-syntax', 'no-restricted-globals', 'house/imports'];

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

  const WORKFLOW = 'src/workflows/index.ts';
  const SUPPORT = 'src/workflows/support/snippet.ts';
  const DEEP = 'src/workflows/encryption/campaign/waves/order/snippet.ts';

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
    [
      'an activity, four folders deep',
      DEEP,
      "import { tagMap } from '../../../../../activities/support/tags';",
    ],
    [
      'the configuration, four folders deep',
      DEEP,
      "import { readWorkerConfig } from '../../../../../config';",
    ],
    [
      'a value beside an activity’s type',
      DEEP,
      "import { tagMap, type Tags } from '../../../../../activities/x/y';",
    ],
    ['an activity that is passed on', WORKFLOW, "export { tagMap } from '../activities/support/tags';"],
    ['the SDK four folders deep', DEEP, "import { EC2Client } from '@aws-sdk/client-ec2';"],
    [
      'aws as a type that is written in place',
      WORKFLOW,
      "export type Clients = import('../aws/clients').AwsClients;",
    ],
    ['tests', WORKFLOW, "import { until } from '../../test/support/until';"],
    [
      'a later capability',
      'src/model/points/snippet.ts',
      "import { planMigration } from '../moves/migration';",
    ],
    [
      'a later capability, four folders deep',
      'src/activities/machines/a/b/c/snippet.ts',
      "import { deleteSnapshots } from '../../../../encryption/snapshots/commit';",
    ],
    [
      'a later capability by type',
      'src/activities/keys/snippet.ts',
      "import type { Item } from '../backup/items';",
    ],
    [
      'a later capability of the model',
      'src/activities/keys/snippet.ts',
      "import type { Volume } from '../../model/moves/loneVolume';",
    ],
    [
      'a later capability’s door',
      'src/activities/keys/snippet.ts',
      "import { activities } from '../images';",
    ],
    [
      'a later capability’s activity, of a workflow',
      'src/workflows/keys/snippet.ts',
      "import type { Item } from '../../activities/backup/items';",
    ],
    [
      'all activities, of one of them',
      'src/activities/keys/snippet.ts',
      "import { createActivities } from '..';",
    ],
    ['a folder in the root of the model', 'src/model/snippet.ts', "import { isKey } from './keys/key';"],
    ['a folder that is no capability', 'src/activities/snapshots/snippet.ts', 'export const one = 1;'],
    ['one in the tests', 'test/model/snapshots/snippet.test.ts', 'export const one = 1;'],
    ['a file in the hall of activities', 'src/activities/snippet.ts', 'export const one = 1;'],
    ['a file in the hall of workflows', 'src/workflows/snippet.ts', 'export const one = 1;'],
    ['a new part of src', 'src/reports/snippet.ts', 'export const one = 1;'],
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
      'src/activities/index.ts',
      "import { runBackup } from '../workflows/runBackup';",
    ],
    [
      'the configuration in an activity',
      'src/activities/index.ts',
      "import { readWorkerConfig } from '../config';",
    ],
    ['an activity in aws', 'src/aws/snippet.ts', "import type { ActivityDeps } from '../activities/deps';"],
    [
      'a workflow as a value in the client',
      'src/client.ts',
      "import { runBackup } from './workflows/runBackup';",
    ],
  ])('forbid %s', async (_what, file, code) => {
    expect(await complaints(file, code)).toEqual([expect.stringMatching(/^(no-restricted-|house\/imports)/)]);
  });

  it('forbid a dynamic import', async () => {
    const code = "export const later = () => import('./other');";
    expect(await complaints(WORKFLOW, code)).toEqual([expect.stringContaining('import statically')]);
  });

  it('say what to do', async () => {
    const code = "import { items } from '../backup/items';";
    expect(await complaints('src/activities/keys/snippet.ts', code)).toEqual([
      'house/imports: keys comes before backup and may not import it; the order is in eslint.boundaries.js',
    ]);
    expect(await complaints('src/activities/snapshots/snippet.ts', '')).toEqual([
      expect.stringMatching(
        /snapshots is no capability: use one of support, points, .*operations, or give it/,
      ),
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
    ['aws in an activity', 'src/activities/index.ts', "import { isNotFound } from '../aws/failures';"],
    [
      'the same capability, and those before it, four folders deep',
      'src/activities/encryption/a/b/c/snippet.ts',
      "import { tagMap } from '../../../../support/tags';\nimport { commit } from '../../../snapshots/commit';",
    ],
    [
      'an activity’s type in its capability',
      'src/workflows/encryption/campaign/waves/order/snippet.ts',
      "import type { Look } from '../../../../../activities/encryption/campaign/look';",
    ],
    [
      'the doors, where all activities are joined',
      'src/activities/index.ts',
      "import { activities } from './keys';",
    ],
    [
      'workflow types in the client',
      'src/client.ts',
      "import type { runBackup } from './workflows/runBackup';",
    ],
  ])('allow %s', async (_what, file, code) => {
    expect(await complaints(file, code)).toEqual([]);
  });
});
