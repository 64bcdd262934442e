import { workflowIds } from '../../src/model/ids';
import { STORY_INSTANCE } from '../seed/fleet';
import { HOME_REGION } from '../stack/accounts';
import { AWS_SPEED } from '../stack/localAws';
import { NAMESPACE, USUAL_TEMPORAL_PORT } from '../stack/temporalServer';
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

/** Flags of the CLI stand after the subcommand, and are only needed where the defaults are not right. */
export function temporalCommand(file: StackFile, subcommand: string): string {
  const elsewhere = file.temporalAddress !== `127.0.0.1:${USUAL_TEMPORAL_PORT}`;
  const address = elsewhere ? ` --address ${file.temporalAddress}` : '';
  const namespace = file.namespace === NAMESPACE ? '' : ` --namespace ${file.namespace}`;
  return `${quoted(file.temporalCli)} ${subcommand}${address}${namespace}`;
}

/** After the story: what it left to decide, and something of one's own. */
export function storyCommands(file: StackFile, instanceId: string): string {
  const machine = workflowIds.machine({ accountId: file.accounts.home, region: HOME_REGION }, instanceId);
  const message = JSON.stringify({ by: 'me', reason: 'it runs well' });
  return pasted([
    temporalCommand(file, 'workflow list'),
    // The original volumes are kept until somebody says so.
    temporalCommand(
      file,
      `workflow update execute --workflow-id ${machine} --name commit --input '${message}'`,
    ),
    ...backupCommands(file),
  ]);
}

/** On a fleet that nothing has happened to yet. */
export function firstCommands(file: StackFile): string {
  return pasted([
    ...backupCommands(file),
    temporalCommand(file, 'schedule list'),
    temporalCommand(file, 'workflow list'),
  ]);
}

function backupCommands(file: StackFile): string[] {
  const execute = (type: string, input: object) =>
    temporalCommand(
      file,
      `workflow execute --task-queue holdfast --type ${type} --input '${JSON.stringify(input)}'`,
    );
  const selector = { tags: { all: { role: 'web' } } };
  return [
    execute('createBackupPolicy', { policyName: 'web', frequency: '4h', retention: '30d', selector }),
    execute('runBackup', { policyName: 'web' }),
  ];
}

function pasted(commands: string[]): string {
  return ['To paste next:', ...commands.map((command) => `  ${command}`)].join('\n');
}

function quoted(text: string): string {
  return /^[\w./-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}
