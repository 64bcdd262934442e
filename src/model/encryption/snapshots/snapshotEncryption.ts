import { z } from 'zod';
import { operationInput } from '../../input';
import type { Listed } from '../../list';
import type { Residue } from '../residue';
import type { Maker } from '../../maker';
import type { FailedItem, SkippedItem } from '../../outcome';
import { tagsSelectorSchema } from '../../selector';
import { targetInputSchema, type Target } from '../../target';

/** Copies that one run has under way: half of what EBS makes at once in a region, so that backups' copies go on. */
export const ENCRYPTIONS_AT_ONCE = 10;

export const snapshotIdSchema = z
  .string()
  .regex(/^snap-[0-9a-f]{8,17}$/, 'not a snapshot id; write it like snap-0123456789abcdef0');

const snapshotIdsSchema = z
  .array(snapshotIdSchema)
  .min(1, 'name at least one snapshot')
  .max(1000)
  .refine((ids) => new Set(ids).size === ids.length, 'names a snapshot twice');

/** What is given must all hold. */
const snapshotSelectorSchema = z
  .strictObject({
    tags: tagsSelectorSchema
      .optional()
      .describe('Of the snapshots themselves. Encrypted ones that match are named as such.'),
    unencrypted: z
      .literal(true, 'write true, or leave it out')
      .optional()
      .describe('Everything in the target that is not encrypted.'),
  })
  .refine(
    ({ tags, unencrypted }) => tags !== undefined || unencrypted !== undefined,
    'it selects nothing; give tags, or unencrypted: true',
  );

export const encryptSnapshotsInput = operationInput({
  snapshotIds: snapshotIdsSchema.optional().describe('Exactly one of `snapshotIds` and `selector`.'),
  selector: snapshotSelectorSchema.optional().describe('By their own tags, or all that are not encrypted.'),
  kmsKeyId: z
    .string()
    .min(1)
    .max(2048)
    .describe("Customer managed key of the target's region: id, ARN or alias."),
  target: targetInputSchema.optional().describe("Without it: the worker's own account and region."),
  dryRun: z.boolean().default(false).describe('Plans, and changes nothing.'),
}).refine(({ snapshotIds, selector }) => (snapshotIds === undefined) !== (selector === undefined), {
  path: ['snapshotIds'],
  message: 'give exactly one of snapshotIds and selector',
});

export type EncryptSnapshotsInput = z.input<typeof encryptSnapshotsInput>;
export type EncryptSnapshotsRequest = z.output<typeof encryptSnapshotsInput>;

/** What a run is about, for its activities. */
export interface SnapshotScope extends Pick<EncryptSnapshotsRequest, 'snapshotIds' | 'selector'> {
  target: Target;
  kmsKeyArn: string;
  /**
   * Once it is planned: snapshots that were begun later are not this run's. AWS's clock against AWS's clock,
   * milliseconds since the epoch.
   */
  begunUntilMs?: number;
  maker: Maker;
}

export interface EncryptedSnapshot {
  snapshotId: string;
  /** The encrypted copy, which stands for it from the commit on. */
  copyId: string;
}

export interface EncryptSnapshotsResult {
  /** One sentence for a manager. */
  summary: string;
  target: Target;
  /** Copied under the key, and the original deleted. */
  encrypted: Listed<EncryptedSnapshot>;
  /** Left as they are, each with every reason; those that were encrypted before are among them. */
  skipped: Listed<SkippedItem>;
  failed: Listed<FailedItem>;
  /** How many matched the selector that Holdfast keeps for itself, and removes. */
  leftOut?: number;
  /** They carry the marks of encrypted copies, and no run has recorded them as its own: left alone. */
  unproven?: Listed<string>;
  /** Old snapshot id to new one, of those listed under `encrypted`; every copy carries the pair as a tag. */
  snapshotIdMap: Record<string, string>;
  /** What is not encrypted in the target when the run ends, whether it was asked about or not. */
  residue: Residue;
  /** For a dry run: what would be copied. */
  plan?: Listed<string>;
}

/** A part of what a run is about, decided. */
export interface DecidedPage {
  /** To be copied. */
  encrypt: string[];
  /** Encrypted already: there is nothing to do. */
  done: Listed<SkippedItem>;
  /** Not to be touched. */
  kept: Listed<SkippedItem>;
  /** How many matched that Holdfast keeps for itself: what a migration under way staged, and copies before their commit. */
  leftOut?: number;
  /** Snapshots that carry the marks of copies, and that no run has recorded. */
  unproven?: Listed<string>;
  /** There when more may follow. */
  cursor?: string;
}

/** What AWS and tags say of a snapshot that may be encrypted. */
export interface SnapshotFacts {
  snapshotId: string;
  state: string;
  stateMessage?: string;
  encrypted: boolean;
  kmsKeyId?: string;
  tags: Readonly<Record<string, string>>;
  description: string;
  volumeId: string;
  /** Milliseconds since the epoch. */
  startedAt: number;
  archived: boolean;
  /** Images of the account. */
  images: readonly string[];
  lock?: { until?: number };
  /** Account ids, and `all` where everybody may use it. */
  sharedWith: readonly string[];
  /** The migration under way that made it for itself, where not its marks alone say so. */
  migration?: string;
  /**
   * Another run's copy of it: of an open run, or of one that has ended and has recorded it as its own, which this one may
   * take over.
   */
  copy?: { copyId: string; workflowId: string; isOpen: boolean };
  /** Snapshots that carry the marks of its copy, and that nothing else says so of. */
  unproven?: readonly string[];
}
