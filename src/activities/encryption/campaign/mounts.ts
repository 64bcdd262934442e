import {
  ListCommandInvocationsCommand,
  paginateDescribeInstanceInformation,
  SendCommandCommand,
  type CommandInvocation,
  type SSMClient,
} from '@aws-sdk/client-ssm';
import type { AwsClients } from '../../../aws/clients';
import { classify } from '../../../aws/classify';
import { LOOK_FOR_MOUNTS, mentionsIn, mountText } from '../../../model/encryption/campaign/mounts';
import type { Target } from '../../../model/target';
import type { MoveAsked, Warning } from '../../../model/moves/warnings';
import type { Settings } from '../../support/deps';
import { unlessDenied } from '../../support/unlessDenied';
import { now, sleep } from '../../support/pace/waits';
import type { Look } from './look';
import type { NotChecked } from '../../../model/outcome';
import { has } from '../../../model/group';
import { told, withId } from '../../support/known';

const WHAT = 'mounts by volume id';
/** SSM takes no less: https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_SendCommand.html */
const DELIVERY_SECONDS = 30;
const EXECUTION_SECONDS = 60;
const PATIENCE_MS = (DELIVERY_SECONDS + EXECUTION_SECONDS) * 1_000;
const FINAL = new Set(['Success', 'Cancelled', 'Failed', 'TimedOut']);

type Guest = MoveAsked & { instanceId: string };

/** Guests that name a volume by its id, which is another one afterwards. */
export class Mounts {
  constructor(
    private readonly aws: AwsClients,
    private readonly settings: Settings,
  ) {}

  /** Of at most 50 machines: one command goes to all of them. */
  async look(target: Target, moves: readonly MoveAsked[]): Promise<Look> {
    const look: Look = { warnings: new Map(), notChecked: [] };
    const guests = moves.filter((move): move is Guest => move.instanceId !== undefined);
    const skip = (of: Guest[], why: string) => {
      if (of.length > 0)
        look.notChecked.push({ what: WHAT, why, items: of.map(({ instanceId }) => instanceId) });
    };
    skip(
      guests.filter(({ running }) => !running),
      'it is stopped',
    );
    const running = guests.filter(({ running: runs }) => runs);
    if (running.length === 0) return look;
    const items = running.map(({ instanceId }) => instanceId);
    const platforms = await unlessDenied(() => readPlatforms(this.aws.ssm(target, 'read'), items), {
      what: WHAT,
      items,
    });
    if (!(platforms instanceof Map)) return { ...look, notChecked: [...look.notChecked, platforms] };
    skip(
      running.filter(({ instanceId }) => !platforms.has(instanceId)),
      'its SSM Agent does not answer',
    );
    // Windows knows disks by letters and signatures.
    const linux = running.filter(({ instanceId }) => platforms.get(instanceId) === 'Linux');
    if (linux.length > 0) await this.ask(target, linux, look);
    return look;
  }

  private async ask(target: Target, guests: readonly Guest[], { warnings, notChecked }: Look): Promise<void> {
    const items = guests.map(({ instanceId }) => instanceId);
    const commandId = await sendLook(() => this.aws.ssm(target, 'migrate'), items);
    if (typeof commandId !== 'string') return void notChecked.push(commandId);
    const ends = await this.ends(this.aws.ssm(target, 'migrate'), commandId, items.length);
    for (const { instanceId, volumes } of guests) {
      const end = ends.get(instanceId);
      if (end?.Status !== 'Success') {
        const how = end?.StatusDetails ?? end?.Status ?? 'no answer';
        notChecked.push({ what: WHAT, why: `the command ended as ${how}`, items: [instanceId] });
        continue;
      }
      const moved = new Set(volumes.map(({ volumeId }) => volumeId));
      const found = mentionsIn(end.CommandPlugins?.[0]?.Output).filter(({ volumeId }) => moved.has(volumeId));
      if (found.length > 0)
        warnings.set(
          instanceId,
          found.map((each): Warning => ({ kind: 'mountById', text: mountText(each) })),
        );
    }
  }

  /** As far as they are known when patience is over. */
  private async ends(
    ssm: SSMClient,
    CommandId: string,
    count: number,
  ): Promise<Map<string, CommandInvocation>> {
    const until = now() + PATIENCE_MS;
    for (;;) {
      const told = await listInvocations(ssm, CommandId);
      const ended = told.filter(({ Status }) => has(FINAL, Status));
      if (ended.length >= count || now() >= until)
        return new Map(withId(told, 'InstanceId').map((each) => [each.InstanceId, each]));
      await sleep(this.settings.pollMs);
    }
  }
}

/** By instance; those whose agent answers only. */
async function readPlatforms(ssm: SSMClient, instanceIds: string[]): Promise<Map<string, string>> {
  const found = new Map<string, string>();
  for await (const { InstanceInformationList } of paginateDescribeInstanceInformation(
    { client: ssm, pageSize: 50 },
    { Filters: [{ Key: 'InstanceIds', Values: instanceIds }] },
  ))
    for (const { InstanceId, PingStatus, PlatformType } of withId(InstanceInformationList, 'InstanceId'))
      if (PingStatus === 'Online' && PlatformType) found.set(InstanceId, PlatformType);
  return found;
}

/** Without the mark of other commands: it reads, and may be sent once more for want of an answer. */
async function sendLook(client: () => SSMClient, InstanceIds: string[]): Promise<string | NotChecked> {
  const send = async () => {
    const { Command } = await client().send(
      new SendCommandCommand({
        InstanceIds,
        DocumentName: 'AWS-RunShellScript',
        Parameters: { commands: [...LOOK_FOR_MOUNTS], executionTimeout: [String(EXECUTION_SECONDS)] },
        Comment: 'holdfast: looks for mounts by volume id; changes nothing',
        TimeoutSeconds: DELIVERY_SECONDS,
      }),
    );
    return told(Command, `SendCommand for ${InstanceIds.join(', ')}`, 'CommandId').CommandId;
  };
  try {
    return await unlessDenied(send, { what: WHAT, items: InstanceIds });
  } catch (error) {
    // An agent that went away meanwhile has the whole command refused.
    if (!(error instanceof Error) || classify(error.name).retry) throw error;
    return { what: WHAT, why: `${error.name}: ${error.message}`, items: InstanceIds };
  }
}

/** None yet where the command was sent a moment ago. */
async function listInvocations(ssm: SSMClient, CommandId: string): Promise<CommandInvocation[]> {
  try {
    const asked = new ListCommandInvocationsCommand({ CommandId, Details: true, MaxResults: 50 });
    return (await ssm.send(asked)).CommandInvocations ?? [];
  } catch (error) {
    if (error instanceof Error && error.name === 'InvalidCommandId') return [];
    throw error;
  }
}
