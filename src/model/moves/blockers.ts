import { z } from 'zod';
import type { Strategy } from './strategy';
import { volumeTagBlockers } from './tagRoom';
import type { MachineFacts, VolumeFacts } from '../machines/facts';

/**
 * Blockers that a user may accept, because a migration can go on in spite of them and what they cost is known before.
 * Of the others either AWS refuses a step, or another service would undo it: accepting would change nothing.
 */
export const ACCEPTABLE = ['assignedPublicIp', 'instanceStore', 'terminationProtection'] as const;
export type Acceptable = (typeof ACCEPTABLE)[number];

export const allowSchema = z.array(z.enum(ACCEPTABLE)).max(ACCEPTABLE.length).default([]);

/** A blocker that was accepted, and what happens because of it. */
export interface Accepted {
  blocker: Acceptable;
  effect: string;
}

/** Of what was accepted: what a rollback does not bring back. */
export function lostForGood(accepted: readonly Accepted[]): Accepted[] {
  return accepted.filter(({ blocker }) => blocker !== 'terminationProtection');
}

interface Rule {
  holds: boolean;
  reason: string;
  /** Where it may be accepted. */
  accept?: Accepted;
}

/**
 * Splits what stands in a machine's way into what forbids it and what the user has accepted.
 *
 * @param strategy decides how many marks have to fit on its volumes
 */
export function blockersOf(
  facts: MachineFacts,
  disks: readonly VolumeFacts[],
  strategy: Strategy,
  allow: readonly Acceptable[] = [],
): { reasons: string[]; accepted: Accepted[] } {
  const found = [...machineRules(facts), ...acceptableRules(facts)].filter(({ holds }) => holds);
  const isAccepted = ({ accept }: Rule) => accept !== undefined && allow.includes(accept.blocker);
  return {
    reasons: [
      ...found.filter((rule) => !isAccepted(rule)).map(reasonOf),
      ...facts.volumes.flatMap((volume) => managedBlockers(volume)),
      ...disks.flatMap((disk) => diskBlockers(disk)),
      ...disks.flatMap(({ volumeId, tagKeys }) => volumeTagBlockers(volumeId, tagKeys, strategy)),
    ],
    accepted: found.filter(isAccepted).flatMap(({ accept }) => accept ?? []),
  };
}

function reasonOf({ reason, accept }: Rule): string {
  return accept ? `${reason}; or accept that: "allow": ["${accept.blocker}"]` : reason;
}

function machineRules(facts: MachineFacts): Rule[] {
  const { state, autoScalingGroup, managedBy, productCodes } = facts;
  return [
    {
      holds: !['running', 'stopped'].includes(state),
      reason: `it is ${state}; only running and stopped machines can be migrated`,
    },
    {
      holds: facts.rootDeviceType !== 'ebs',
      reason: 'its root is an instance store, which a stop would erase',
    },
    { holds: facts.spot, reason: 'it is a Spot Instance, which a stop may end' },
    {
      holds: autoScalingGroup !== undefined,
      reason: `Auto Scaling group ${autoScalingGroup} would replace it when it stops; change the launch template instead`,
    },
    {
      holds: managedBy !== undefined,
      reason: `it is managed by ${managedBy}; let that service replace it`,
    },
    {
      holds: facts.hibernation,
      reason: 'it is configured for hibernation, which needs its own root volume',
    },
    {
      holds: productCodes.length > 0,
      reason: `Marketplace product codes ${productCodes.join(', ')} would be lost with its root volume`,
    },
    { holds: facts.stopProtection, reason: 'stop protection is on; turn it off for the migration' },
  ];
}

function acceptableRules({
  state,
  assignedPublicIp,
  instanceStore,
  terminationProtection,
}: MachineFacts): Rule[] {
  return [
    {
      holds: assignedPublicIp !== undefined,
      reason: `its public IPv4 ${assignedPublicIp} is not an Elastic IP and would change with the stop; associate an Elastic IP first`,
      accept: {
        blocker: 'assignedPublicIp',
        effect: `its public IPv4 ${assignedPublicIp} changes with the stop, also where it is rolled back`,
      },
    },
    {
      // Of a machine that is stopped it is gone already.
      holds: instanceStore !== undefined && state === 'running',
      reason: `${instanceStore}, whose data a stop would erase; save them elsewhere first`,
      accept: {
        blocker: 'instanceStore',
        effect: `${instanceStore}, whose data the stop erases, also where it is rolled back`,
      },
    },
    {
      holds: terminationProtection,
      reason: 'termination protection is on; turn it off for the migration',
      accept: {
        blocker: 'terminationProtection',
        effect: 'termination protection stays on; a migration stops and never terminates',
      },
    },
  ];
}

/** Of volumes that stay as well: whose they are would move them elsewhere while the machine is down. */
function managedBlockers({ volumeId, managedBy }: VolumeFacts): string[] {
  return managedBy ? [`${volumeId} belongs to ${managedBy}, which knows it by its id`] : [];
}

function diskBlockers({ volumeId, multiAttach, beingModified, state }: VolumeFacts): string[] {
  return [
    ...(multiAttach ? [`${volumeId} is a Multi-Attach volume, which other machines use`] : []),
    ...(beingModified ? [`${volumeId} is being modified; wait until that is done`] : []),
    ...(state !== 'in-use' ? [`${volumeId} is ${state}`] : []),
  ];
}
