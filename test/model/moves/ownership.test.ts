import { importCommands, ownerIn, type OwnedVolume } from '../../../src/model/moves/ownership';
import { boundedWarnings, notCheckedText } from '../../../src/model/moves/warnings';

const CAMPAIGN = { target: { accountId: '111122223333', region: 'eu-west-1' }, kmsKeyArn: 'arn:key' };

describe('owners', () => {
  it.each([
    [{ ManagedBy: 'Terraform' }, 'Terraform'],
    [{ 'managed-by': 'terraform-cloud' }, 'Terraform'],
    [{ managed_by: 'OpenTofu' }, 'OpenTofu'],
    [{ 'team:created-with': 'tofu 1.9' }, 'OpenTofu'],
    [{ 'terraform:workspace': 'prod' }, 'Terraform'],
    [{ Terraform: 'true' }, 'Terraform'],
    [{ 'pulumi:project': 'shop' }, 'Pulumi'],
    [{ IaC: 'CDK' }, 'CloudFormation'],
    [{ Terraform: 'false' }, undefined],
    [{ Name: 'terraform-runner' }, undefined],
    [{ ManagedBy: 'ann' }, undefined],
    [{ 'terraformed-by-hand': 'yes' }, undefined],
    [{}, undefined],
  ])('%j: %s', (tags, tool) => {
    expect(ownerIn(tags as Record<string, string>)?.tool).toBe(tool);
  });

  it('are stacks rather than what else a tag says', () => {
    const tags = { ManagedBy: 'Terraform', 'aws:cloudformation:stack-name': 'orders' };
    expect(ownerIn(tags)).toEqual({ tool: 'CloudFormation', sign: 'stack orders', stack: 'orders' });
  });
});

describe('commands that import a new volume', () => {
  const volume = (more: Partial<OwnedVolume> = {}): OwnedVolume => ({
    volumeId: 'vol-1',
    owner: { tool: 'OpenTofu', sign: 'a tag' },
    instanceId: 'i-1',
    device: '/dev/sdf',
    root: false,
    ...more,
  });
  const commandsFor = (each: OwnedVolume) => importCommands([each], { 'vol-1': 'vol-2' }, CAMPAIGN);

  it('are there for what was replaced only', () => {
    expect(importCommands([volume({ volumeId: 'vol-7' })], { 'vol-1': 'vol-2' }, CAMPAIGN)).toEqual([]);
  });

  it('take the old ids out of a state before the new ones come in', () => {
    const [first] = commandsFor(volume());
    expect(first).toMatchObject({ volumeId: 'vol-2', tool: 'OpenTofu' });
    expect(first?.command.split('\n').slice(1, 4)).toEqual([
      'tofu state rm aws_volume_attachment.ADDRESS aws_ebs_volume.ADDRESS',
      'tofu import aws_ebs_volume.ADDRESS vol-2',
      'tofu import aws_volume_attachment.ADDRESS /dev/sdf:vol-2:i-1',
    ]);
  });

  it('say no word of an attachment where there is none, and refresh a root', () => {
    const [alone] = commandsFor(volume({ instanceId: undefined }));
    expect(alone?.command).not.toContain('attachment');
    const [root] = commandsFor(volume({ root: true }));
    expect(root?.command).toContain('tofu apply -refresh-only -target=aws_instance.ADDRESS');
    expect(root?.command).not.toContain('import');
  });

  it('import into a stack by the logical id, which a tag’s word alone does not give', () => {
    const owner = { tool: 'CloudFormation', sign: '', stack: 'orders', logicalId: 'Data' } as const;
    expect(commandsFor(volume({ owner }))[0]?.command).toContain(
      `--resources-to-import '[{"ResourceType":"AWS::EC2::Volume","LogicalResourceId":"Data","ResourceIdentifier":{"VolumeId":"vol-2"}}]'`,
    );
    expect(commandsFor(volume({ owner: { tool: 'CloudFormation', sign: 'a tag' } }))).toEqual([]);
  });

  it('of Pulumi name its types', () => {
    const owner = { tool: 'Pulumi', sign: 'a tag' } as const;
    expect(commandsFor(volume({ owner }))[0]?.command).toContain(
      'pulumi import aws:ec2/volumeAttachment:VolumeAttachment NAME /dev/sdf:vol-2:i-1',
    );
  });
});

describe('what is said of warnings', () => {
  it('is one sentence for each thing that could not be looked at, over all pages', () => {
    const [what, why] = ['mounts', 'no agent'];
    const pages = [['i-1', 'i-2'], ['i-3', 'i-4', 'i-5'], []].map((items) => ({ what, why, items }));
    expect(notCheckedText([...pages, { what: 'starters', why: 'denied', items: [] }])).toEqual([
      'Not checked: mounts of i-1, i-2, i-3 and 2 more: no agent',
      'Not checked: starters: denied',
    ]);
  });

  it('stays within what a page may hold', () => {
    const many = Array.from({ length: 40 }, () => ({ kind: 'owner', text: 'x'.repeat(2_000) }) as const);
    expect(JSON.stringify(boundedWarnings(many)).length).toBeLessThan(7_000);
  });
});
