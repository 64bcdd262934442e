import type { FleetInventory, InventoryMachine, InventoryVolume } from '../../model/policies/inventory';
import { KeptFacts, keptVolume, mayBeKept } from '../../model/machines/keptVolume';
import { listed } from '../../model/list';
import { parseMachineMark } from '../../model/machines/marks';
import { TAG } from '../../model/names';
import { isExcluded, matchesTags, type PolicySelector } from '../../model/selector';
import { targetKey, type Target } from '../../model/target';
import { LIVING } from '../machines/inventory';
import { seenVolume } from '../machines/keptVolumes';
import type { ActivityDeps } from '../support/deps';
import { heartbeat } from '../support/pace/heartbeat';
import type { KnownInstance, KnownVolume } from '../support/known';
import { instancePages, rootVolumeId, volumePages } from '../support/reads';
import { tagMap } from '../support/tags';
import { selects } from './surveys';

const PAGE = 500;

/** What an inventory has to know of a policy. */
interface NamedSelector {
  policyName: string;
  selector: PolicySelector;
  targets: Target[];
}

/** Listed of a machine: a hundred machines with so many volumes each are 0.7 MB. */
export const MOST_VOLUMES = 25;

export interface FleetRequest {
  target: Target;
  policies: NamedSelector[];
  tags?: PolicySelector['tags'];
}

export function fleetActivities({ aws }: ActivityDeps) {
  return {
    /** The machines and volumes of a target, and which policies protect them. */
    async listFleet({ target, policies, tags }: FleetRequest): Promise<FleetInventory> {
      const ec2 = aws.ec2(target, 'read');
      const here = policies.filter(({ targets }) =>
        targets.some((each) => targetKey(each) === targetKey(target)),
      );
      const fleet = new Fleet(target, here, tags);
      for await (const page of instancePages(ec2, [LIVING], { pageSize: PAGE })) {
        heartbeat();
        for (const instance of page) fleet.machine(instance);
      }
      for await (const page of volumePages(ec2, undefined, { pageSize: PAGE })) {
        heartbeat();
        for (const volume of page) fleet.volume(volume);
      }
      return fleet.result();
    },
  };
}

/** Machines first: a volume goes with its machine. Whose a volume with marks is, is known when all have been seen. */
class Fleet {
  private readonly facts = new KeptFacts();
  private readonly machines = new Map<string, InventoryMachine>();
  private readonly bootVolumes = new Set<string>();
  private readonly alone: InventoryVolume[] = [];
  private readonly seen: KnownVolume[] = [];

  constructor(
    private readonly target: Target,
    private readonly policies: readonly NamedSelector[],
    private readonly wanted: PolicySelector['tags'],
  ) {}

  machine(instance: KnownInstance): void {
    const { InstanceId: instanceId, InstanceType: type = 'unknown', State, Tags } = instance;
    const tags = tagMap(Tags);
    const mark = parseMachineMark(tags[TAG.migration]);
    if (mark) this.facts.machines.set(instanceId, mark);
    if (!this.isWanted(tags)) return;
    const bootVolume = rootVolumeId(instance);
    if (bootVolume !== undefined) this.bootVolumes.add(bootVolume);
    const policies = this.policies.filter(({ selector }) =>
      selects(selector, 'instanceIds', instanceId, tags),
    );
    this.machines.set(instanceId, {
      instanceId,
      ...named(tags),
      target: this.target,
      state: State.Name,
      type,
      policies: policies.map(({ policyName }) => policyName),
      volumes: [],
    });
  }

  volume(volume: KnownVolume): void {
    const seen = seenVolume(volume);
    if ([TAG.original, TAG.replaces].some((key) => seen.tags[key] !== undefined)) this.facts.add(seen);
    this.seen.push(volume);
  }

  result(): FleetInventory {
    for (const volume of this.seen) this.place(volume);
    const machines = [...this.machines.values()].sort((a, b) => (a.name ?? '').localeCompare(b.name ?? ''));
    return { machines: listed(machines), volumes: listed(this.alone) };
  }

  private place(volume: KnownVolume): void {
    const { VolumeId: volumeId, Attachments = [], Size: gib, VolumeType: type, Tags } = volume;
    const tags = tagMap(Tags);
    const attached = Attachments.find(({ InstanceId: id }) => id !== undefined && this.machines.has(id));
    const machine = attached?.InstanceId === undefined ? undefined : this.machines.get(attached.InstanceId);
    if (!machine && !this.isWanted(tags)) return;
    const seen = seenVolume(volume);
    const kept = mayBeKept(seen) ? keptVolume(seen, this.facts) : undefined;
    const { InstanceId: instanceId, Device: device } = attached ?? Attachments[0] ?? {};
    const entry: InventoryVolume = {
      volumeId,
      ...named(tags),
      target: this.target,
      state: volume.State,
      gib,
      type,
      encrypted: volume.Encrypted ?? false,
      ...(instanceId && { instanceId }),
      ...(device && { device }),
      policies: kept ? [] : this.policiesOf(volumeId, tags, machine),
      ...(kept && { keptFor: kept.migrationId }),
    };
    if (!machine) this.alone.push(entry);
    else if (machine.volumes.length < MOST_VOLUMES) machine.volumes.push(entry);
    else machine.moreVolumes = (machine.moreVolumes ?? 0) + 1;
  }

  private policiesOf(
    volumeId: string,
    tags: Record<string, string>,
    machine: InventoryMachine | undefined,
  ): string[] {
    const isBoot = this.bootVolumes.has(volumeId);
    return this.policies.flatMap(({ policyName, selector }) => {
      const isOfInstance = machine?.policies.includes(policyName) ?? false;
      if (!isOfInstance && !selects(selector, 'volumeIds', volumeId, tags)) return [];
      return isExcluded(selector.exclude, { isBoot, isOfInstance, tags }) ? [] : [policyName];
    });
  }

  private isWanted(tags: Record<string, string>): boolean {
    return this.wanted === undefined || matchesTags(this.wanted, tags);
  }
}

function named({ Name: name }: Record<string, string>): { name?: string } {
  return name ? { name } : {};
}
