import type { Target } from '../target';

/** Tools that hold a description of a machine or volume, and may act on it again. */
export type Tool = 'CloudFormation' | 'Terraform' | 'OpenTofu' | 'Pulumi';

export interface Owner {
  tool: Tool;
  /** What shows it, in words: a stack, or a tag. */
  sign: string;
  /** Of CloudFormation. */
  stack?: string;
  logicalId?: string;
}

/** A volume that moves, and that such a tool knows by its old id. */
export interface OwnedVolume {
  volumeId: string;
  owner: Owner;
  /** None for a volume that is attached to nothing. */
  instanceId?: string;
  device: string;
  root: boolean;
}

/** How people who look for what is left to do take the new volumes into their tool. */
export interface ImportCommand {
  /** The new volume. */
  volumeId: string;
  tool: Tool;
  /** Lines for a shell; words in capitals are to be filled in. */
  command: string;
}

const STACK = 'aws:cloudformation:stack-name';
const LOGICAL_ID = 'aws:cloudformation:logical-id';

const TOOLS: readonly [RegExp, Tool][] = [
  [/terraform/i, 'Terraform'],
  [/\b(open)?tofu\b/i, 'OpenTofu'],
  [/pulumi/i, 'Pulumi'],
  [/cloudformation|\bcdk\b/i, 'CloudFormation'],
];

/** Conventions, not standards: `ManagedBy=Terraform`, `created-with: pulumi`, `iac=tofu`. */
const SAYS_WHO =
  /^([\w.-]+[:/])?((managed|created|provisioned|deployed|maintained)[-_ ]?(by|with|via|using|from)|iac([-_ ]?tool)?|tool|provisioner|orchestrator)$/i;
const NAMES_TOOL = /^(terraform|opentofu|tofu|pulumi)([-_:./ ].*)?$/i;
const NO = /^(false|no|0)$/i;

/** Undefined where no tag tells of one. */
export function ownerIn(tags: Readonly<Record<string, string>>): Owner | undefined {
  const stack = tags[STACK];
  if (stack !== undefined) {
    const logicalId = tags[LOGICAL_ID];
    const sign = `${logicalId ? `resource ${logicalId} of ` : ''}stack ${stack}`;
    return { tool: 'CloudFormation', sign, stack, ...(logicalId && { logicalId }) };
  }
  for (const [key, value] of Object.entries(tags)) {
    const tool = NAMES_TOOL.test(key) && !NO.test(value) ? toolIn(key) : SAYS_WHO.test(key) && toolIn(value);
    if (tool) return { tool, sign: `its tag ${key}=${value}` };
  }
  return undefined;
}

function toolIn(text: string): Tool | undefined {
  return TOOLS.find(([pattern]) => pattern.test(text))?.[1];
}

/** What may become of the migration when the tool acts the next time. */
export function machineOwnedText({ tool, sign }: Owner): string {
  if (tool === 'CloudFormation')
    return `CloudFormation owns it (${sign}): volumes that the template describes stay unencrypted there, and come back so when the stack replaces the machine; changing its BlockDeviceMappings replaces it at once`;
  return `${tool} owns it (${sign}): the next apply may replace it, or its new volumes, with what the configuration says; set encryption and key there first`;
}

export function volumeOwnedText(volumeId: string, { tool, sign }: Owner): string {
  const next = tool === 'CloudFormation' ? 'stack update' : 'apply';
  return `${tool} owns ${volumeId} (${sign}) by its id: the next ${next} may make an empty volume in its place; the result has commands that import the new one`;
}

/**
 * For the volumes that were replaced. What Terraform calls them no tag tells, so an address is left open.
 *
 * @param volumeIdMap old volume id to new one
 */
export function importCommands(
  owned: readonly OwnedVolume[],
  volumeIdMap: Readonly<Record<string, string>>,
  { target, kmsKeyArn }: { target: Target; kmsKeyArn: string },
): ImportCommand[] {
  return owned.flatMap((volume) => {
    const volumeId = volumeIdMap[volume.volumeId];
    if (volumeId === undefined) return [];
    const lines = COMMANDS[volume.owner.tool]({ ...volume, volumeId }, target, kmsKeyArn);
    return lines.length > 0 ? { volumeId, tool: volume.owner.tool, command: lines.join('\n') } : [];
  });
}

type Lines = (volume: OwnedVolume, target: Target, kmsKeyArn: string) => string[];

const COMMANDS: Record<Tool, Lines> = {
  CloudFormation: stackImport,
  Terraform: (...asked) => stateImport('terraform', ...asked),
  OpenTofu: (...asked) => stateImport('tofu', ...asked),
  Pulumi: pulumiImport,
};

/** https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/import-resources-existing-stack.html */
function stackImport(
  { volumeId, owner, instanceId }: OwnedVolume,
  { region }: Target,
  key: string,
): string[] {
  const { stack, logicalId } = owner;
  // Without these it is a convention's word; what the volume is in a stack, if anything, it does not say.
  if (!stack || !logicalId) return [];
  const resources = JSON.stringify([
    {
      ResourceType: 'AWS::EC2::Volume',
      LogicalResourceId: logicalId,
      ResourceIdentifier: { VolumeId: volumeId },
    },
  ]);
  const set = `--region ${region} --stack-name ${stack} --change-set-name holdfast-${volumeId}`;
  const attached = instanceId ? ' and its AWS::EC2::VolumeAttachment' : '';
  return [
    `# 1. Give ${logicalId}${attached} DeletionPolicy: Retain, and update the stack ${stack}.`,
    `# 2. Take ${logicalId}${attached} out of the template, and update the stack again: the old volume stays.`,
    `# 3. Put ${logicalId} back, with DeletionPolicy: Retain, Encrypted: true and KmsKeyId: ${key}, as TEMPLATE.yaml, and import it:`,
    `aws cloudformation create-change-set ${set} --change-set-type IMPORT --template-body file://TEMPLATE.yaml --resources-to-import '${resources}'`,
    `aws cloudformation wait change-set-create-complete ${set}`,
    `aws cloudformation execute-change-set ${set}`,
  ];
}

/** https://registry.terraform.io/providers/hashicorp/aws/latest/docs/resources/volume_attachment#import */
function stateImport(
  program: 'terraform' | 'tofu',
  { volumeId, instanceId, device, root }: OwnedVolume,
  _: Target,
  key: string,
): string[] {
  const encrypted = `encrypted = true and kms_key_id = "${key}"`;
  const refresh = `${program} apply -refresh-only -target=aws_instance.ADDRESS`;
  if (root) return [`# Set ${encrypted} in the root_block_device of aws_instance.ADDRESS first.`, refresh];
  const attachment = instanceId ? ' aws_volume_attachment.ADDRESS' : '';
  return [
    `# Set ${encrypted} on aws_ebs_volume.ADDRESS first; \`${program} state list\` knows the address.`,
    `${program} state rm${attachment} aws_ebs_volume.ADDRESS`,
    `${program} import aws_ebs_volume.ADDRESS ${volumeId}`,
    ...(instanceId
      ? [
          `${program} import aws_volume_attachment.ADDRESS ${device}:${volumeId}:${instanceId}`,
          `# Or, where it is an ebs_block_device of the instance: ${refresh}`,
        ]
      : []),
  ];
}

/** https://www.pulumi.com/docs/iac/cli/commands/pulumi_import/ */
function pulumiImport({ volumeId, instanceId, device, root }: OwnedVolume, _: Target, key: string): string[] {
  const encrypted = `encrypted: true and kmsKeyId: "${key}"`;
  if (root) return [`# Set ${encrypted} in the rootBlockDevice of the instance first.`, 'pulumi refresh'];
  return [
    `# Set ${encrypted} on the volume first; \`pulumi stack --show-urns\` knows the URNs.`,
    ...(instanceId ? ["pulumi state delete 'ATTACHMENT_URN'"] : []),
    "pulumi state delete 'VOLUME_URN'",
    `pulumi import aws:ebs/volume:Volume NAME ${volumeId}`,
    ...(instanceId
      ? [`pulumi import aws:ec2/volumeAttachment:VolumeAttachment NAME ${device}:${volumeId}:${instanceId}`]
      : []),
  ];
}
