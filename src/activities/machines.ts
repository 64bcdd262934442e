import {
  DescribeInstanceAttributeCommand,
  type EC2Client,
  type Instance,
  type Volume,
} from '@aws-sdk/client-ec2';
import { ApplicationFailure } from '@temporalio/common';
import { drainTimeoutMs } from '../model/drain';
import { FAILURE } from '../model/failures';
import { heldBy, workflowIds } from '../model/ids';
import { isVolumeId } from '../model/loneVolume';
import { managerOfMachine, managerOfVolume } from '../model/managers';
import {
  parseMachineMark,
  parseOriginalMark,
  planMigration,
  type MachineFacts,
  type Planned,
  type Surveyed,
  type VolumeFacts,
  type Wanted,
} from '../model/migration';
import { TAG } from '../model/names';
import type { Selector } from '../model/selector';
import { targetKey, type Target } from '../model/target';
import { isOpen } from './campaigns';
import type { ActivityDeps } from './deps';
import { agentOf } from './healthChecks';
import { InstanceStores } from './instanceStores';
import { tagMap } from './imageReads';
import { targetFacts } from './targetIndex';
import { attachedVolumeIds, instancesById, inventoryActivities, volumesById } from './inventory';
import { readAll, readInstance, readModification, readVolume } from './sharedReads';

interface MachineAsked extends Wanted {
  target: Target;
  instanceId: string;
  /** A campaign has asked for them with its plan. Whoever protects the machine since has EC2 refuse the stop. */
  protectionKnown?: boolean;
}

interface Selected {
  instanceIds: string[];
  /** Selected volumes that are attached to nothing. */
  standalone: string[];
}

/** Machines as a migration looks at them before it touches anything. */
export function machineActivities(deps: ActivityDeps) {
  const { aws } = deps;
  const instanceStores = new InstanceStores();

  async function planned(
    asked: MachineAsked,
    known?: Instance,
    asksTargets = drainTimeoutMs(asked.drain) !== undefined,
  ): Promise<Planned> {
    const { target, instanceId, protectionKnown = false, ...wanted } = asked;
    const ec2 = aws.ec2(target, 'read');
    const instance = known ?? (await requireInstance(ec2, target, instanceId));
    const [machine, instanceStore, targets] = await Promise.all([
      machineFacts(ec2, target, instance, protectionKnown),
      instanceStores.of(ec2, target, instance.InstanceType ?? ''),
      asksTargets ? targetFacts(aws, target, instance) : undefined,
    ]);
    const facts = { ...machine, instanceStore, ...(targets && { targets }) };
    const commands = (wanted.healthChecks ?? []).some(({ command }) => command !== undefined);
    const agent = commands || wanted.hooks ? await agentOf(aws.ssm(target, 'read'), instanceId) : undefined;
    return planMigration({ ...facts, agent }, wanted);
  }

  return {
    /**
     * The machines that a campaign is about; a volume stands for the machine it is attached to.
     *
     * @throws ApplicationFailure NotFound naming the ids that do not exist
     */
    async selectMachines(asked: {
      target: Target;
      instanceIds?: string[];
      volumeIds?: string[];
      selector?: Selector;
    }): Promise<Selected> {
      const ec2 = aws.ec2(asked.target, 'read');
      const instanceIds = new Set<string>(
        await existingInstances(ec2, asked.target, asked.instanceIds ?? []),
      );
      const volumeIds = [...(asked.volumeIds ?? [])];
      if (asked.selector) {
        for (let cursor: string | undefined; ;) {
          const page = await inventoryActivities(deps).listUnits({
            target: asked.target,
            selector: asked.selector,
            cursor,
          });
          for (const { kind, resourceId } of page.units) {
            if (kind === 'instance') instanceIds.add(resourceId);
            else volumeIds.push(resourceId);
          }
          cursor = page.cursor;
          if (cursor === undefined) break;
        }
      }
      const standalone = await holdersOf(ec2, asked.target, volumeIds, instanceIds);
      return { instanceIds: [...instanceIds], standalone };
    },

    /** What a migration of the machine would do, or every reason not to; reads only. */
    async planMachine(asked: MachineAsked): Promise<Planned> {
      return planned(asked);
    },

    /** The public IPv4 that EC2 has assigned, not an Elastic IP. */
    async publicIpOf({ target, instanceId }: Omit<MachineAsked, keyof Wanted>): Promise<string | undefined> {
      return assignedPublicIp(await requireInstance(aws.ec2(target, 'read'), target, instanceId));
    },

    /**
     * The same for a campaign, which may come upon what a terminated migration has left, or upon a workflow that holds
     * the machine; reads only.
     */
    async surveyMachine({ target, instanceId, ...wanted }: MachineAsked): Promise<Surveyed> {
      const instance = await requireInstance(aws.ec2(target, 'read'), target, instanceId);
      const mark = parseMachineMark(tagMap(instance.Tags)[TAG.migration] ?? '');
      const workflowId = workflowIds.machine(target, instanceId);
      const open = await isOpen(deps, workflowId);
      if (mark && !open) return { kind: 'interrupted', migrationId: mark.migrationId };
      // Who plans is told of target groups in any case.
      const decision = await planned({ target, instanceId, ...wanted }, instance, true);
      return open ? held(decision, workflowId, mark) : decision;
    },
  };
}

/** A machine in mid-swap may look as if nothing of it were left to do. */
function held(decision: Planned, workflowId: string, mark: ReturnType<typeof parseMachineMark>): Planned {
  const swapping = mark !== undefined && mark.phase !== 'soak';
  if (decision.kind === 'nothing' && !swapping) return decision;
  const others = decision.kind === 'blocked' ? decision.reasons : [];
  return { kind: 'blocked', reasons: [heldBy(workflowId, 'machine'), ...others] };
}

async function existingInstances(ec2: EC2Client, target: Target, ids: string[]): Promise<string[]> {
  const found = new Set<string>();
  for await (const { InstanceId = '', State } of instancesById(ec2, ids)) {
    if (State?.Name !== 'terminated') found.add(InstanceId);
  }
  requireAll('instanceIds', target, ids, found);
  return ids;
}

/** Adds the machines of attached volumes; returns the volumes that have none. */
async function holdersOf(
  ec2: EC2Client,
  target: Target,
  ids: string[],
  instanceIds: Set<string>,
): Promise<string[]> {
  const found = new Set<string>();
  const standalone: string[] = [];
  for await (const { VolumeId = '', Attachments = [], Tags } of volumesById(ec2, ids)) {
    found.add(VolumeId);
    // An original that a migration has detached still belongs to its machine.
    const original = parseOriginalMark(tagMap(Tags)[TAG.original] ?? '');
    const holder = Attachments[0]?.InstanceId ?? original?.instanceId;
    if (holder && !isVolumeId(holder)) instanceIds.add(holder);
    else standalone.push(VolumeId);
  }
  requireAll('volumeIds', target, ids, found);
  return standalone;
}

function requireAll(field: string, target: Target, ids: string[], found: ReadonlySet<string>): void {
  const missing = ids.filter((id) => !found.has(id));
  if (missing.length === 0) return;
  throw ApplicationFailure.nonRetryable(
    `${field}: ${missing.join(', ')} not found in ${targetKey(target)}; correct the ids, or name their account and region as target`,
    FAILURE.notFound,
  );
}

/** The instance, or a failure that says it is gone. */
export async function requireInstance(ec2: EC2Client, target: Target, instanceId: string): Promise<Instance> {
  const instance = await readInstance(ec2, instanceId);
  if (instance && instance.State?.Name !== 'terminated') return instance;
  throw ApplicationFailure.nonRetryable(
    `${instanceId} in ${targetKey(target)} is terminated or does not exist`,
    FAILURE.notFound,
  );
}

async function machineFacts(
  ec2: EC2Client,
  target: Target,
  instance: Instance,
  protectionKnown: boolean,
): Promise<MachineFacts> {
  const { InstanceId: instanceId = '' } = instance;
  const tags = tagMap(instance.Tags);
  const ids = attachedVolumeIds(instance);
  // At the same time, so that the reads meet those of other machines.
  const [modifying, volumes, stopProtection, terminationProtection] = await Promise.all([
    beingModified(ec2, ids),
    readAll(ids, (id) => readVolume(ec2, id)),
    !protectionKnown && isOn(ec2, instanceId, 'disableApiStop'),
    !protectionKnown && isOn(ec2, instanceId, 'disableApiTermination'),
  ]);
  return {
    target,
    instanceId,
    state: instance.State?.Name ?? 'unknown',
    rootDevice: instance.RootDeviceName ?? '',
    rootDeviceType: instance.RootDeviceType ?? 'ebs',
    spot: instance.InstanceLifecycle === 'spot',
    autoScalingGroup: tags['aws:autoscaling:groupName'],
    managedBy: managerOfMachine({ tags, operator: instance.Operator }),
    hibernation: instance.HibernationOptions?.Configured ?? false,
    productCodes: (instance.ProductCodes ?? []).flatMap(({ ProductCodeType, ProductCodeId }) =>
      ProductCodeType === 'marketplace' ? (ProductCodeId ?? []) : [],
    ),
    assignedPublicIp: assignedPublicIp(instance),
    stopProtection,
    terminationProtection,
    volumes: volumes.map((volume) => volumeFacts(volume, instanceId, modifying)),
  };
}

function assignedPublicIp({ NetworkInterfaces = [] }: Instance): string | undefined {
  return NetworkInterfaces.find(({ Association }) => Association?.IpOwnerId === 'amazon')?.Association
    ?.PublicIp;
}

async function isOn(
  ec2: EC2Client,
  InstanceId: string,
  Attribute: 'disableApiStop' | 'disableApiTermination',
): Promise<boolean> {
  const answer = await ec2.send(new DescribeInstanceAttributeCommand({ InstanceId, Attribute }));
  return (
    (Attribute === 'disableApiStop' ? answer.DisableApiStop : answer.DisableApiTermination)?.Value ?? false
  );
}

export async function beingModified(ec2: EC2Client, ids: string[]): Promise<Set<string>> {
  const modifications = await readAll(ids, (id) => readModification(ec2, id));
  const open = modifications.filter(
    ({ ModificationState }) => ModificationState === 'modifying' || ModificationState === 'optimizing',
  );
  return new Set(open.map(({ VolumeId = '' }) => VolumeId));
}

export function volumeFacts(volume: Volume, instanceId: string, modifying: ReadonlySet<string>): VolumeFacts {
  const attachment = volume.Attachments?.find(({ InstanceId }) => InstanceId === instanceId);
  return {
    volumeId: volume.VolumeId ?? '',
    device: attachment?.Device ?? '',
    type: volume.VolumeType ?? 'gp2',
    size: volume.Size ?? 0,
    ...explicitPerformance(volume),
    deleteOnTermination: attachment?.DeleteOnTermination ?? false,
    zone: volume.AvailabilityZone ?? '',
    createdAt: volume.CreateTime?.getTime() ?? 0,
    state: volume.State ?? 'unknown',
    encrypted: volume.Encrypted ?? false,
    kmsKeyArn: volume.KmsKeyId,
    multiAttach: volume.MultiAttachEnabled ?? false,
    managedBy: managerOfVolume({ tags: tagMap(volume.Tags), operator: volume.Operator }),
    beingModified: modifying.has(volume.VolumeId ?? ''),
  };
}

/**
 * IOPS and throughput where CreateVolume takes them; for gp2 and the HDD types EC2 derives them from the size
 * (https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateVolume.html).
 */
export function explicitPerformance({ VolumeType, Iops, Throughput }: Volume): {
  iops?: number;
  throughput?: number;
} {
  return {
    ...(['gp3', 'io1', 'io2'].includes(VolumeType ?? '') && Iops && { iops: Iops }),
    ...(VolumeType === 'gp3' && Throughput && { throughput: Throughput }),
  };
}
