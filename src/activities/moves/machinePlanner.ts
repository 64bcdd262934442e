import { DescribeInstanceAttributeCommand, type EC2Client, type Instance } from '@aws-sdk/client-ec2';
import { whyNotAllowed } from '../../model/machines/checkHosts';
import { drainTimeoutMs } from '../../model/machines/drain';
import { heldBy, workflowIds } from '../../model/ids';
import { managerOfMachine } from '../../model/machines/managers';
import { planMigration, type Planned, type Surveyed, type Wanted } from '../../model/moves/migration';
import { parseMachineMark } from '../../model/machines/marks';
import { TAG } from '../../model/names';
import type { Target } from '../../model/target';
import type { ActivityDeps } from '../support/deps';
import { InstanceStores } from '../machines/instanceStores';
import { assignedPublicIp, findBeingModified, requireInstance, volumeFacts } from '../machines/facts';
import { readAll, readVolume } from '../support/sharedReads';
import { readDrainFacts } from '../machines/groupIndex';
import { tagMap } from '../support/tags';
import { attachedVolumeIds } from '../support/reads';
import { isOpen } from '../support/openWorkflows';
import { readAgent } from '../machines/agents';
import type { MachineFacts } from '../../model/machines/facts';
import { told, type KnownInstance } from '../support/known';

export interface MachineAsked extends Wanted {
  target: Target;
  instanceId: string;
  /** A campaign has asked for them with its plan. Whoever protects the machine since has EC2 refuse the stop. */
  protectionKnown?: boolean;
}

/** What is known of a machine before it is touched, and what follows from it. */
export function machinePlanner(deps: ActivityDeps) {
  const { aws } = deps;
  const instanceStores = new InstanceStores();

  async function planned(
    asked: MachineAsked,
    known?: KnownInstance,
    asksTargets = drainTimeoutMs(asked.drain) !== undefined,
  ): Promise<Planned> {
    const { target, instanceId, protectionKnown = false, ...wanted } = asked;
    const ec2 = aws.ec2(target, 'read');
    const instance = known ?? (await requireInstance(ec2, target, instanceId));
    const [machine, instanceStore, targets] = await Promise.all([
      readMachineFacts(ec2, target, instance, protectionKnown),
      instanceStores.of(ec2, target, told(instance, instanceId, 'InstanceType').InstanceType),
      asksTargets ? readDrainFacts(aws, target, instance) : undefined,
    ]);
    const facts = { ...machine, instanceStore, ...(targets && { targets }) };
    const commands = (wanted.healthChecks ?? []).some(({ command }) => command !== undefined);
    const agent = commands || wanted.hooks ? await readAgent(aws.ssm(target, 'read'), instanceId) : undefined;
    const checksRefused = checksNotAllowed(instance, wanted.healthChecks, deps.settings.checkHosts);
    return planMigration({ ...facts, agent, checksRefused }, wanted);
  }

  return {
    /** What a migration of the machine would do, or every reason not to; reads only. */
    plan: (asked: MachineAsked) => planned(asked),

    /**
     * The same for a campaign, which may come upon what a terminated migration has left, or upon a workflow that holds
     * the machine; reads only.
     */
    async survey({ target, instanceId, ...wanted }: MachineAsked): Promise<Surveyed> {
      const instance = await requireInstance(aws.ec2(target, 'read'), target, instanceId);
      const mark = parseMachineMark(tagMap(instance.Tags)[TAG.migration], instanceId);
      const workflowId = workflowIds.machine(target, instanceId);
      const open = await isOpen(deps, workflowId);
      // One that only staged something waits its turn like any other: its machine runs, and its guest and target groups are as ever.
      const isUrgent = mark?.phase !== 'prepare' || hasNotes(instance);
      if (mark && !open && isUrgent) return { kind: 'interrupted', migrationId: mark.migrationId };
      // Who plans is told of target groups in any case.
      const decision = await planned({ target, instanceId, ...wanted }, instance, true);
      return open ? held(decision, workflowId, mark) : decision;
    },
  };
}

function checksNotAllowed(
  {
    InstanceId: instanceId,
    PrivateIpAddress: privateIp = '',
    PrivateDnsName: privateDns = '',
  }: KnownInstance,
  checks: MachineAsked['healthChecks'] = [],
  allowed: readonly string[] | undefined,
): string[] {
  return checks.flatMap(
    (check) => whyNotAllowed(check, { privateIp, privateDns, instanceId }, allowed) ?? [],
  );
}

function hasNotes({ Tags = [] }: Instance): boolean {
  return Tags.some(({ Key }) => Key?.startsWith(TAG.targetsPrefix));
}

/** A machine in mid-swap may look as if nothing of it were left to do. */
function held(decision: Planned, workflowId: string, mark: ReturnType<typeof parseMachineMark>): Planned {
  const swapping = mark !== undefined && mark.phase !== 'soak';
  if (decision.kind === 'nothing' && !swapping) return decision;
  const others = decision.kind === 'blocked' ? decision.reasons : [];
  return { kind: 'blocked', reasons: [heldBy(workflowId, 'machine'), ...others] };
}

async function readMachineFacts(
  ec2: EC2Client,
  target: Target,
  instance: KnownInstance,
  protectionKnown: boolean,
): Promise<MachineFacts> {
  const { InstanceId: instanceId } = instance;
  const { RootDeviceName, RootDeviceType } = told(instance, instanceId, 'RootDeviceName', 'RootDeviceType');
  const tags = tagMap(instance.Tags);
  const ids = attachedVolumeIds(instance);
  // At the same time, so that the reads meet those of other machines.
  const [modifying, volumes, stopProtection, terminationProtection] = await Promise.all([
    findBeingModified(ec2, ids),
    readAll(ids, (id) => readVolume(ec2, id)),
    !protectionKnown && isOn(ec2, instanceId, 'disableApiStop'),
    !protectionKnown && isOn(ec2, instanceId, 'disableApiTermination'),
  ]);
  return {
    target,
    instanceId,
    state: instance.State.Name,
    rootDevice: RootDeviceName,
    rootDeviceType: RootDeviceType,
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
    tagKeys: Object.keys(tags),
    volumes: volumes.map((volume) => volumeFacts(volume, instanceId, modifying)),
  };
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
