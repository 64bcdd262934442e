import { z } from 'zod';
import { recoveryPointIdSchema } from '../points/recoveryPointId';
import { operationInput } from '../input';
import type { Listed } from '../list';
import type { FailedItem } from '../outcome';
import { policyNameSchema } from '../policyName';
import type { RecoveryPointSnapshot } from '../points/recoveryPoint';
import { targetKey, targetSchema, targetsInputSchema, type Target } from '../target';

/** People who must approve before a hold is released. */
export const APPROVERS = 2;

const lineageSchema = z
  .string()
  .regex(
    /^(i-[0-9a-f]{8,17}(:\/dev\/[a-z0-9/]+)?|vol-[0-9a-f]{8,17})$/,
    'write it like i-0123456789abcdef0, i-0123456789abcdef0:/dev/xvda or vol-0123456789abcdef0',
  );

export const setLegalHoldInput = operationInput({
  recoveryPointId: recoveryPointIdSchema.optional().describe('One recovery point with its copies.'),
  policyName: policyNameSchema
    .optional()
    .describe('All points of a policy, those that it has yet to make included.'),
  lineage: lineageSchema
    .optional()
    .describe(
      'All points of an instance, of one of its devices, or of a volume, those that are yet to be made included.',
    ),
  reason: z
    .string({ error: 'say why; it stands in the tags' })
    .min(1, 'say why; it stands in the tags')
    .max(256, 'at most 256 characters, as a tag takes')
    .describe('Why; it stands in the tags.'),
  targets: targetsInputSchema
    .optional()
    .describe('Where to look; without it, everywhere that a policy leaves points.'),
}).refine(
  ({ recoveryPointId, policyName, lineage }) =>
    [recoveryPointId, policyName, lineage].filter((each) => each !== undefined).length === 1,
  'name exactly one of recoveryPointId, policyName and lineage',
);

export type SetLegalHoldInput = z.input<typeof setLegalHoldInput>;
export type SetLegalHoldRequest = z.output<typeof setLegalHoldInput>;

/** What is held, and why; also the memo by which runs find open holds. */
export interface Hold {
  /** From what is held and why: the same hold asked for again is the same hold. */
  holdId: string;
  reason: string;
  recoveryPointId?: string;
  policyName?: string;
  lineage?: string;
  /** Where it holds; everywhere when left out. */
  targets?: Target[];
}

export const HOLD_MEMO = 'hold';

/** Fields of later versions are left out, and do not make a hold that is known an unknown one. */
const holdSchema = z
  .object({
    holdId: z.string(),
    reason: z.string(),
    recoveryPointId: z.string().optional(),
    policyName: z.string().optional(),
    lineage: z.string().optional(),
    targets: z.array(targetSchema).optional(),
  })
  .refine(({ recoveryPointId, policyName, lineage }) => recoveryPointId ?? policyName ?? lineage);

/** What a workflow's memo says it holds; undefined where it does not say it, whatever else stands there. */
export function readHold(memo: unknown): Hold | undefined {
  return holdSchema.safeParse(memo).data;
}

/** A legal hold that is open, and of which nobody can say what it holds. */
export interface UnknownHold {
  workflowId: string;
  /** What that means for what is due, and what to do. */
  reason: string;
}

export interface Approval {
  by: string;
  reason: string;
}

export interface SetLegalHoldResult extends Hold {
  /** Snapshots that were on hold when it was released, in all places. */
  released: number;
  approvedBy: Approval[];
  failed: Listed<FailedItem>;
}

export interface HeldPlace {
  target: Target;
  /** Snapshots on hold there now. */
  held: number;
  /** Other places that the tags of what is held there name. */
  places?: Target[];
  failed: FailedItem[];
}

export interface ReleasedPlace {
  /** Snapshots whose mark was taken away. */
  released: number;
  failed: FailedItem[];
}

/** The instance or volume of a lineage. */
export function sourceOf(lineage: string): string {
  return lineage.split(':')[0] ?? lineage;
}

/** What a hold is asked about. */
type Holdable = Pick<
  RecoveryPointSnapshot,
  'recoveryPointId' | 'policyName' | 'lineage' | 'sourceId' | 'volumeId'
>;

/** Whether a snapshot in a place is under the hold, marked or not. */
export function covers(hold: Hold, point: Holdable, place: Target): boolean {
  const { recoveryPointId, policyName, lineage = '' } = hold;
  if (!isHere(hold, place)) return false;
  if (recoveryPointId !== undefined) return point.recoveryPointId === recoveryPointId;
  if (policyName !== undefined) return point.policyName === policyName;
  if (lineage.includes(':')) return point.lineage === lineage;
  return [point.sourceId, point.volumeId, point.lineage].includes(lineage);
}

function isHere({ targets }: Hold, place: Target): boolean {
  return targets?.some((target) => targetKey(target) === targetKey(place)) ?? true;
}

/** Reasons by hold, of those that are about a resource's points. Holds of a policy are about all that it makes. */
export function holdsOn(holds: readonly Hold[], resourceId: string, place: Target): Record<string, string> {
  const about = holds.filter(
    (hold) => isHere(hold, place) && (hold.lineage === undefined || sourceOf(hold.lineage) === resourceId),
  );
  return Object.fromEntries(about.map(({ holdId, reason }) => [holdId, reason]));
}

export function holdTitle({ recoveryPointId, policyName, lineage }: Omit<Hold, 'holdId' | 'reason'>): string {
  if (policyName !== undefined) return `policy ${policyName}`;
  return recoveryPointId ?? lineage ?? '';
}
