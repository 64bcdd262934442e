import type { z } from 'zod';
import { operationInput } from '../input';
import type { Listed } from '../list';
import type { FailedItem } from '../outcome';
import { policyNameSchema } from '../policyName';
import { tagsSelectorSchema } from '../selector';
import { targetsInputSchema, type Target } from '../target';

/** What there is in the targets; in those of a policy where one is named, else in the worker's own. */
export const takeInventoryInput = operationInput({
  targets: targetsInputSchema.optional(),
  policyName: policyNameSchema.optional(),
  tags: tagsSelectorSchema
    .optional()
    .describe('Only what carries these tags; machines with all their volumes.'),
}).refine(
  ({ targets, policyName }) => targets === undefined || policyName === undefined,
  'only one of targets and policyName: a policy has targets of its own',
);

export type TakeInventoryInput = z.input<typeof takeInventoryInput>;

export interface InventoryVolume {
  volumeId: string;
  /** Its Name tag. */
  name?: string;
  target: Target;
  /** EC2's word: `in-use`, `available`, … */
  state: string;
  gib: number;
  /** `gp3`, `io2`, … */
  type: string;
  encrypted: boolean;
  /** Of one that is attached. */
  instanceId?: string;
  device?: string;
  /** Policies that protect it, with its machine or by itself. */
  policies: string[];
  /** Holdfast keeps it for this migration until somebody decides: no policy protects it. */
  keptFor?: string;
}

export interface InventoryMachine {
  instanceId: string;
  /** Its Name tag. */
  name?: string;
  target: Target;
  /** EC2's word: `running`, `stopped`, … */
  state: string;
  type: string;
  /** Policies that select it. */
  policies: string[];
  /** As many as most machines can have; an answer about a hundred machines has to fit into Temporal's 2 MB. */
  volumes: InventoryVolume[];
  /** How many it has beyond those. */
  moreVolumes?: number;
}

/** One target's, or all of them. */
export interface FleetInventory {
  machines: Listed<InventoryMachine>;
  /** Those that no machine of the list has. */
  volumes: Listed<InventoryVolume>;
}

export interface TakeInventoryResult extends FleetInventory {
  targets: Listed<Target>;
  /** Policies that cannot be read: what they select is not known. */
  unreadable: string[];
  failed: Listed<FailedItem>;
}
