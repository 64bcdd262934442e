import { DescribeSnapshotsCommand, StopInstancesCommand } from '@aws-sdk/client-ec2';
import {
  CancelCommandCommand,
  DescribeInstanceInformationCommand,
  GetCommandInvocationCommand,
  ListCommandInvocationsCommand,
  ListCommandsCommand,
  SendCommandCommand,
  SSMClient,
  type SendCommandCommandInput,
} from '@aws-sdk/client-ssm';
import { administrator, assumeRole, createRole } from '../../local/stack/roles';
import type { TestAccount } from '../support/accounts';
import { AwsServer } from '../support/awsServer';
import { Guests } from '../support/guests';
import { anInstance, tagsOf } from '../support/seed';

const RUN = 'AWS-RunShellScript';
const VSS = 'AWSEC2-VssInstallAndSnapshot';

/** https://docs.aws.amazon.com/systems-manager/latest/userguide/run-command.html */
describe('Run Command', () => {
  let aws: AwsServer;
  let account: TestAccount;
  let ssm: SSMClient;
  let guests: Guests;

  beforeAll(async () => {
    aws = await AwsServer.start('--speed', '0');
    account = await aws.account();
    ssm = new SSMClient({
      region: 'us-east-1',
      endpoint: aws.endpoint,
      credentials: account.credentials,
      maxAttempts: 1,
    });
    guests = new Guests(aws.endpoint, account);
  });
  afterAll(() => {
    ssm.destroy();
    aws.stop();
  });
  beforeEach(() => aws.control.delete('faults'));

  const advance = (seconds: number) => aws.control.post('clock', { advance: seconds });
  async function aMachine(): Promise<string> {
    await aws.control.post('clock', { speed: 'instant' });
    const { instanceId } = await anInstance(account);
    await aws.control.post('clock', { speed: 0 });
    return instanceId;
  }
  async function send(instanceId: string, more: Partial<SendCommandCommandInput> = {}): Promise<string> {
    const { Command } = await ssm.send(
      new SendCommandCommand({
        InstanceIds: [instanceId],
        DocumentName: RUN,
        Parameters: { commands: ['fsfreeze -f /data'], executionTimeout: ['60'] },
        ...more,
      }),
    );
    return Command?.CommandId ?? '';
  }
  const invocation = (CommandId: string, InstanceId: string) =>
    ssm.send(new GetCommandInvocationCommand({ CommandId, InstanceId }));

  it('prints what grep finds in the files of a guest, once it has run', async () => {
    const id = await aMachine();
    await guests.change(id, { files: { '/etc/fstab': 'UUID=1 /\n/dev/sdf /data\n' } });
    const commands = ["grep -onHsE '/d[a-z]+$' /etc/*tab /etc/none"];
    const command = await send(id, { Parameters: { commands } });
    expect((await invocation(command, id)).StandardOutputContent).toBe('');
    await advance(4);
    expect((await invocation(command, id)).StandardOutputContent).toBe('/etc/fstab:2:/data\n');
    const { CommandInvocations } = await ssm.send(
      new ListCommandInvocationsCommand({ CommandId: command, Details: true }),
    );
    expect(CommandInvocations?.[0]?.CommandPlugins?.[0]?.Output).toBe('/etc/fstab:2:/data\n');
  });

  it('takes its time from Pending to Success, and only then has done its work', async () => {
    const id = await aMachine();
    const command = await send(id);
    expect(await invocation(command, id)).toMatchObject({ Status: 'Pending' });
    await advance(1.5);
    expect(await invocation(command, id)).toMatchObject({ Status: 'InProgress' });
    expect((await guests.of(id)).frozen).toBe(false);
    await advance(2);
    expect(await invocation(command, id)).toMatchObject({ Status: 'Success', ResponseCode: 0 });
    expect((await guests.of(id)).frozen).toBe(true);
    await send(id, { Parameters: { commands: ['fsfreeze -u /data'] } });
    await advance(4);
    expect((await guests.of(id)).marks.map(({ what }) => what)).toEqual(['frozen', 'thawed']);
  });

  it('leaves the guest frozen when it fails after its freeze, or hangs until its timeout', async () => {
    for (const [effect, status] of [
      [{ fails: 'exit status 1' }, 'Failed'],
      [{ hangs: true }, 'TimedOut'],
    ] as const) {
      const id = await aMachine();
      await aws.control.post('faults', { action: 'SendCommand', effect, nth: [1] });
      const command = await send(id);
      await advance(100);
      expect(await invocation(command, id)).toMatchObject({ Status: status });
      expect((await guests.of(id)).frozen).toBe(true);
    }
  });

  /** https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_CancelCommand.html */
  it('is cancelled before it has done anything', async () => {
    const id = await aMachine();
    const command = await send(id);
    await ssm.send(new CancelCommandCommand({ CommandId: command }));
    expect(await invocation(command, id)).toMatchObject({ Status: 'Cancelling' });
    await advance(10);
    expect(await invocation(command, id)).toMatchObject({ Status: 'Cancelled' });
    expect((await guests.of(id)).frozen).toBe(false);
  });

  /** https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_ListCommands.html */
  it('lists by instance, time and page, with the comment', async () => {
    const id = await aMachine();
    const other = await aMachine();
    await send(other);
    const before = await send(id, { Comment: 'one' });
    await advance(60);
    const [{ now }] = [await aws.control.get<{ now: string }>('clock')];
    const after = await send(id, { Comment: 'two' });
    const list = async (more: object) => {
      const { Commands = [] } = await ssm.send(new ListCommandsCommand({ InstanceId: id, ...more }));
      return Commands.map(({ CommandId, Comment }) => [CommandId, Comment]);
    };
    expect(await list({})).toEqual([
      [after, 'two'],
      [before, 'one'],
    ]);
    const value = now.replace(/\..*/, 'Z');
    expect(await list({ Filters: [{ key: 'InvokedAfter', value }] })).toEqual([[after, 'two']]);
    const page = await ssm.send(new ListCommandsCommand({ InstanceId: id, MaxResults: 1 }));
    expect(await list({ NextToken: page.NextToken })).toEqual([[before, 'one']]);
    await expect(list({ Filters: [{ key: 'Colour', value: 'red' }] })).rejects.toThrow('Colour');
    const { CommandInvocations } = await ssm.send(
      new ListCommandInvocationsCommand({ CommandId: after, InstanceId: id, Details: true }),
    );
    expect(CommandInvocations).toMatchObject([{ Comment: 'two', Status: 'Pending' }]);
  });

  it('reaches managed instances only, and those that answer', async () => {
    const [none, offline, stopped] = [await aMachine(), await aMachine(), await aMachine()];
    await guests.change(none, { agent: 'none' });
    await guests.change(offline, { agent: 'offline' });
    await account.ec2().send(new StopInstancesCommand({ InstanceIds: [stopped] }));
    await expect(send(none)).rejects.toMatchObject({ name: 'InvalidInstanceId' });
    await expect(send(stopped)).rejects.toMatchObject({ name: 'InvalidInstanceId' });
    const command = await send(offline, { TimeoutSeconds: 30 });
    await advance(29);
    expect(await invocation(command, offline)).toMatchObject({ Status: 'Pending' });
    await advance(2);
    expect(await invocation(command, offline)).toMatchObject({
      Status: 'TimedOut',
      StatusDetails: 'Delivery Timed Out',
    });
    const Filters = [{ Key: 'InstanceIds', Values: [none, offline] }];
    const { InstanceInformationList } = await ssm.send(new DescribeInstanceInformationCommand({ Filters }));
    expect(InstanceInformationList).toMatchObject([{ InstanceId: offline, PingStatus: 'ConnectionLost' }]);
  });

  /** https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_SendCommand.html */
  it('refuses what AWS refuses', async () => {
    const id = await aMachine();
    await expect(send(id, { DocumentName: 'Nobodys' })).rejects.toMatchObject({ name: 'InvalidDocument' });
    await expect(send(id, { Comment: 'x'.repeat(101) })).rejects.toMatchObject({
      name: 'ValidationException',
    });
    await expect(send(id, { DocumentName: 'AWS-RunPowerShellScript' })).rejects.toMatchObject({
      name: 'UnsupportedPlatformType',
    });
    await expect(invocation('00000000-0000-0000-0000-000000000000', id)).rejects.toMatchObject({
      name: 'InvocationDoesNotExist',
    });
  });

  it('needs the caller’s permission', async () => {
    const id = await aMachine();
    const admin = await administrator(aws.endpoint, account.accountId);
    const statements = [{ Effect: 'Allow', Action: 'ec2:*', Resource: '*' }];
    const role = { accountId: account.accountId, name: 'noCommands', trusts: ['*'], statements };
    const arn = await createRole(aws.endpoint, admin, role);
    const credentials = await assumeRole(aws.endpoint, arn);
    const denied = new SSMClient({
      region: 'us-east-1',
      endpoint: aws.endpoint,
      credentials,
      maxAttempts: 1,
    });
    const call = denied.send(new SendCommandCommand({ InstanceIds: [id], DocumentName: RUN }));
    await expect(call).rejects.toMatchObject({ name: 'AccessDeniedException' });
    await expect(call).rejects.toThrow('ssm:SendCommand');
    denied.destroy();
  });

  /** https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/create-vss-snapshots-ssm.html */
  it('has a document that makes the snapshots of a Windows instance', async () => {
    const id = await aMachine();
    const snapshots = async (description: string) => {
      const Filters = [{ Name: 'description', Values: [description] }];
      const { Snapshots = [] } = await account.ec2().send(new DescribeSnapshotsCommand({ Filters }));
      return Snapshots;
    };
    const vss = (description: string, more: Record<string, string[]> = {}) =>
      send(id, {
        DocumentName: VSS,
        Parameters: { description: [description], tags: ['Key=a:b,Value=c d;Key=e,Value=f'], ...more },
      });
    await expect(vss('linux')).rejects.toMatchObject({ name: 'UnsupportedPlatformType' });
    await guests.change(id, { platform: 'windows' });

    await vss('all');
    const all = await snapshots('all');
    expect(all).toHaveLength(2);
    expect(tagsOf(all[0] ?? {})).toMatchObject({ 'a:b': 'c d', e: 'f', AppConsistent: 'True' });
    await vss('data', { ExcludeBootVolume: ['True'] });
    expect(await snapshots('data')).toHaveLength(1);
    expect((await guests.of(id)).snapshots.map(({ frozen }) => frozen)).toEqual([true, true, true]);

    const refused = await vss('reserved', { tags: ['Key=Device,Value=x'] });
    await advance(60);
    expect(await invocation(refused, id)).toMatchObject({ Status: 'Failed' });
    await aws.control.post('faults', { action: 'SendCommand', effect: { fails: 'a writer timed out' } });
    await vss('broken');
    expect((await snapshots('broken')).map((each) => tagsOf(each).AppConsistent)).toEqual([
      undefined,
      undefined,
    ]);
    await expect(vss('unknown', { VolumesToInclude: ['x'] })).rejects.toMatchObject({
      name: 'InvalidParameters',
    });
  });
});
