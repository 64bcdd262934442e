import { workflowIds } from '../../src/model/ids';
import { TASK_QUEUE } from '../../src/model/names';
import { STORY_INSTANCE } from '../seed/fleet';
import { HOME_REGION } from '../stack/accounts';
import { AWS_SPEED } from '../stack/localAws';
import type { StackFile } from '../stack/stackFile';
import type { Stack } from '../stack/stack';

/** What is up, and where. */
export function stackTable({ file, fleet }: Stack): string {
  return [
    `  Web UI       ${file.uiUrl}`,
    `  Temporal     ${file.temporalAddress} (namespace ${file.namespace})`,
    `  local AWS    ${file.awsEndpoint} (a stand-in: ${AWS_SPEED} AWS seconds a second, no real account)`,
    `  worker       process ${file.workerPid}`,
    `  fleet        ${fleet.instances} instances, ${fleet.volumes} volumes, in ${fleet.accounts} accounts`,
  ].join('\n');
}

/** Link to a workflow in the Web UI; its newest run. */
export function workflowLink({ uiUrl, namespace }: StackFile, workflowId: string): string {
  return `${uiUrl}/namespaces/${namespace}/workflows/${encodeURIComponent(workflowId)}`;
}

export function linksToOpen(file: StackFile, instanceId: string): string {
  const machine = workflowIds.machine({ accountId: file.accounts.home, region: HOME_REGION }, instanceId);
  return [
    'To open in the Web UI:',
    `  all workflows       ${file.uiUrl}/namespaces/${file.namespace}/workflows`,
    `  the policies        ${file.uiUrl}/namespaces/${file.namespace}/schedules`,
    `  the migration       ${workflowLink(file, machine)}`,
    `  the shared image    ${workflowLink(file, `share-${STORY_INSTANCE}`)}`,
  ].join('\n');
}

/** After the story: what it left to decide, and something of one's own. */
export function storyCommands(file: StackFile, instanceId: string): string {
  const machine = workflowIds.machine({ accountId: file.accounts.home, region: HOME_REGION }, instanceId);
  return pasted([
    'holdfast inventory',
    'temporal workflow list',
    // The original volumes are kept until somebody says so.
    `holdfast encrypt commit ${machine} --by me --reason 'it runs well'`,
    ...backupCommands(),
  ]);
}

/** On a fleet that nothing has happened to yet. */
export function firstCommands(): string {
  return pasted([
    'holdfast inventory',
    ...backupCommands(),
    'temporal schedule list',
    'temporal workflow list',
  ]);
}

function backupCommands(): string[] {
  const execute = (type: string, workflowId: string, input: object) =>
    `temporal workflow execute --task-queue ${TASK_QUEUE} --type ${type} --workflow-id ${workflowId} --input '${JSON.stringify(input)}'`;
  const selector = { tags: { all: { role: 'web' } } };
  const policy = { policyName: 'web', frequency: '4h', retention: '30d', selector };
  return [
    execute('createBackupPolicy', 'make-policy-web', policy),
    execute('runBackup', 'back-up-web', { policyName: 'web' }),
  ];
}

/** They are short because the file has told the shell where everything is. */
function pasted(commands: string[]): string {
  return [
    'To paste next, in another terminal:',
    ...['source .holdfast/env', ...commands].map((line) => `  ${line}`),
  ].join('\n');
}
