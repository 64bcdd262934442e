import type { DrainFacts } from './drain';
import type { Agent } from './healthChecks';
import type { Target } from '../target';

/** One volume of a machine that is to be replaced by an encrypted one. */
export interface DiskPlan {
  volumeId: string;
  device: string;
  type: string;
  /** GiB. */
  size: number;
  iops?: number;
  /** MiB/s. */
  throughput?: number;
  deleteOnTermination: boolean;
  zone: string;
  /** Milliseconds since the epoch: a second mark, besides the id, of the volume that may later be deleted. */
  createdAt: number;
  /** Of a volume that is attached to nothing. */
  multiAttach?: boolean;
  /** The key that it is encrypted under, where it is encrypted already and moves to another one. */
  encryptedUnder?: string;
}

/** What moves, of a machine or by itself, decided once from what was there. */
export interface MovePlan {
  target: Target;
  /** The machine that the volumes are of; none where a volume is attached to nothing. */
  instanceId?: string;
  kmsKeyArn: string;
  /** The volumes that are not under the key yet; those of a machine move together, in one stop. */
  disks: DiskPlan[];
}

export interface MachinePlan extends MovePlan {
  instanceId: string;
  wasRunning: boolean;
  rootDevice: string;
  /** Data volumes that stay, because they are encrypted already. */
  untouchedData: string[];
}

export interface VolumeFacts extends Omit<DiskPlan, 'encryptedUnder' | 'multiAttach'> {
  state: string;
  encrypted: boolean;
  /** Of an encrypted volume. */
  kmsKeyArn?: string;
  multiAttach: boolean;
  beingModified: boolean;
  /** Who made it and knows it by its id, where that is not a person. */
  managedBy?: string;
  /** Of its tags. */
  tagKeys?: readonly string[];
}

/** What EC2 says of a machine; the planner knows nothing else. */
export interface MachineFacts {
  target: Target;
  instanceId: string;
  state: string;
  rootDevice: string;
  rootDeviceType: string;
  spot: boolean;
  autoScalingGroup?: string;
  managedBy?: string;
  hibernation: boolean;
  productCodes: string[];
  /** A public IPv4 that EC2 assigned and would replace; an Elastic IP stays. */
  assignedPublicIp?: string;
  /** In words: the volumes of the host that its type comes with, beside EBS. */
  instanceStore?: string;
  stopProtection: boolean;
  terminationProtection: boolean;
  /** Of its tags. */
  tagKeys?: readonly string[];
  /** Where a health check or a hook needs it. */
  agent?: Agent;
  /** Why this worker must not make some of the checks. */
  checksRefused?: readonly string[];
  /** Of its target groups, where they were asked for. */
  targets?: DrainFacts;
  volumes: VolumeFacts[];
}
