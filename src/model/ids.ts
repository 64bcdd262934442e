import { copyPlace, type CopyPlace } from './copy';
import type { Target } from './target';

/** The copies of what one slot of a policy made in one target. */
interface CopiesOfSlot {
  policyName: string;
  slotMs: number;
  target: Target;
  terms: CopyPlace;
}

/**
 * Workflow ids and Schedule ids. They carry meaning: `machine/…` is a lock that Temporal itself holds, because two
 * workflows with one id cannot run at the same time.
 */
export const workflowIds = {
  /** Whatever stops or swaps this machine: migration, recovery. */
  machine: ({ accountId, region }: Target, instanceId: string) =>
    `machine/${accountId}/${region}/${instanceId}`,
  /** Whatever replaces this volume, which is attached to nothing. */
  volume: ({ accountId, region }: Target, volumeId: string) => `volume/${accountId}/${region}/${volumeId}`,
  /** One target of one backup run. */
  backupTarget: (runWorkflowId: string, { accountId, region }: Target) =>
    `${runWorkflowId}/${accountId}/${region}`,
  /** Prefix of the runs that a policy's Schedule starts; the server appends the slot. */
  backup: (policyName: string) => `backup/${policyName}`,
  /** The copies of what one slot of a policy made in one target, to one region. */
  copies: ({ policyName, slotMs, target, terms }: CopiesOfSlot) =>
    `copies/${policyName}/${new Date(slotMs).toISOString()}/${target.accountId}/${target.region}/${copyPlace(terms)}`,
  /** The queue of all copies into one account and region: EBS makes twenty at a time there. */
  copyQueue: ({ accountId, region }: Target) => `copy-queue/${accountId}/${region}`,
  expiry: ({ accountId, region }: Target) => `expiry/${accountId}/${region}`,
  /** The legal hold that a policy itself asks for. */
  policyHold: (policyName: string) => `legal-hold/${policyName}`,
};

/** Why nobody else may begin on what a workflow works on: its id is the lock. */
export function heldBy(workflowId: string, what: 'machine' | 'volume'): string {
  return `workflow ${workflowId} holds this ${what} already; wait for it, commit it or roll it back first`;
}

/** A slot's snapshots in one target, and where they are copied to. */
export interface CopiedSlot {
  policyName: string;
  slotMs: number;
  target: Target;
  /** Account of the vault, where the copies go into one. */
  vault?: string;
}

/** What {@link workflowIds.copies} says; undefined for other ids. */
export function readCopiesId(workflowId: string): CopiedSlot | undefined {
  const [kind, policyName = '', slot = '', accountId = '', region = '', ...place] = workflowId.split('/');
  const slotMs = Date.parse(slot);
  if (kind !== 'copies' || place.length === 0 || Number.isNaN(slotMs)) return undefined;
  const [vault] = place.length > 1 ? place : [];
  return { policyName, slotMs, target: { accountId, region }, ...(vault && { vault }) };
}

/** What `scheduleIds.expiry` says; undefined for other ids. */
export function readExpiryId(scheduleId: string): Target | undefined {
  const [, accountId, region] = /^expiry\/(\d{12})\/([a-z0-9-]+)$/.exec(scheduleId) ?? [];
  return accountId && region ? { accountId, region } : undefined;
}

/** The policy's name in what `scheduleIds.policy` says; undefined for other ids. */
export function readPolicyId(scheduleId: string): string | undefined {
  return /^policy\/(.+)$/.exec(scheduleId)?.[1];
}

export const scheduleIds = {
  policy: (policyName: string) => `policy/${policyName}`,
  /** One that is there for a moment, to be asked when the policy would run. */
  probe: (policyName: string, hash: string) => `probe/${policyName}/${hash.slice(0, 16)}`,
  expiry: ({ accountId, region }: Target) => `expiry/${accountId}/${region}`,
  /** The legal hold that a policy itself asks for. */
  policyHold: (policyName: string) => `legal-hold/${policyName}`,
};
