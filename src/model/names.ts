/**
 * The names that Holdfast shares with the outside: task queues, search attributes, tags.
 * They are a public contract: dashboards, alarms and audits match on them.
 */

/** Task queue of every workflow and of every activity that does something. */
export const TASK_QUEUE = 'holdfast';

/**
 * Task queue of the activities that only wait. Served by the same process with slots of its own, so that a hundred
 * waits for slow snapshots never keep a StartInstances from running.
 */
export const WAITS_TASK_QUEUE = 'holdfast-waits';

/**
 * Memo of what Holdfast itself starts, from its client or an activity. A type in it that this worker does not know is of
 * a newer version, whose worker is to come; without it, it is a slip of somebody's pen.
 */
export const STARTED_BY_MEMO = 'holdfastStartedBy';

/**
 * Search attributes of every workflow (https://docs.temporal.io/search-attribute). The shape is that of the SDK's
 * `SearchAttributeKey`, which the model may not import. `HoldfastResource` takes at most 40 ids.
 */
export const SEARCH_ATTRIBUTES = {
  policy: { name: 'HoldfastPolicy', type: 'KEYWORD' },
  campaign: { name: 'HoldfastCampaign', type: 'KEYWORD' },
  account: { name: 'HoldfastAccount', type: 'KEYWORD' },
  region: { name: 'HoldfastRegion', type: 'KEYWORD' },
  phase: { name: 'HoldfastPhase', type: 'KEYWORD' },
  outcome: { name: 'HoldfastOutcome', type: 'KEYWORD' },
  resource: { name: 'HoldfastResource', type: 'KEYWORD_LIST' },
} as const;

/** A longer KeywordList value makes the server terminate the workflow. */
export const MAX_RESOURCES_IN_SEARCH_ATTRIBUTE = 40;

/** Tags on what Holdfast makes. Together they rebuild a volume and expire it, with no other record left. */
export const TAG = {
  prefix: 'holdfast:',
  /** Version of this set of tags; `1` today. */
  schema: 'holdfast:schema',
  policy: 'holdfast:policy',
  /** Id of the recovery point; also the key by which a second call finds what the first one made. */
  recoveryPoint: 'holdfast:recovery-point',
  /** ISO 8601 instant (UTC) at which the policy was due. */
  slot: 'holdfast:slot',
  /** Places that copies of the point belong in, with spaces between: `eu-west-1`, or `123456789012/eu-west-1` of a vault. */
  copies: 'holdfast:copies',
  /** Regions that the data may be in: `allow eu-west-1`, or `forbid us-east-1`. */
  residency: 'holdfast:residency',
  /** On a copy: the snapshot that it is one of. */
  copyOf: 'holdfast:copy-of',
  /** On a copy: `account/region` of the instance or volume. */
  sourceTarget: 'holdfast:source-target',
  /** ISO 8601 instant (UTC) of the slot's snapshot call. */
  takenAt: 'holdfast:taken-at',
  /** ISO 8601 instant (UTC), or `never`. */
  expiresAt: 'holdfast:expires-at',
  sourceInstance: 'holdfast:source-instance',
  /** Source volume, where the snapshot itself does not tell it (copies) or the set has only this one. */
  sourceVolume: 'holdfast:source-volume',
  device: 'holdfast:device',
  /** One tag a volume of the set, `holdfast:volume:<volume id>`: all that CreateVolume and AttachVolume need. */
  volumePrefix: 'holdfast:volume:',
  /** Where hooks are asked for: `application` or `crash`. */
  consistency: 'holdfast:consistency',
  /** Number of volumes in the set. */
  set: 'holdfast:set',
  /** Retention terms that hold without the policy: `minKeep=3 rpo=18000` (seconds), and count and calendar terms, `count=10 monthly=12 zone=UTC`. */
  retention: 'holdfast:retention',
  /** SHA-256 of the manifest's content, which is also its name in the manifest store. */
  manifest: 'holdfast:manifest',
  /** Workflow id that made the resource. */
  workflow: 'holdfast:workflow',
  /** First execution run id of that workflow: with it, an undo takes back what its own run made, and no more. */
  run: 'holdfast:run',
  /** One tag a hold, `holdfast:legal-hold:<hold id>`, with its reason. */
  holdPrefix: 'holdfast:legal-hold:',
  requestedBy: 'holdfast:requested-by',
  ticket: 'holdfast:ticket',
  /** On everything a migration makes or keeps: the migration's id. */
  migration: 'holdfast:migration',
  /** On a machine that is out of its target groups, `holdfast:targets:<n>`: what is to be registered again. */
  targetsPrefix: 'holdfast:targets:',
  /** On an original volume while its machine is being migrated, and during soak: how it was attached. */
  original: 'holdfast:original',
  /** On a volume that a migration made: the volume that it replaces. */
  replaces: 'holdfast:replaces',
  /** On the volumes that a migration which is over leaves in place, until its staging snapshots are gone: which those are. */
  staged: 'holdfast:staged',
  /** On a volume that stays although its migration is over: that, and the volume's own id, which a copy of it has not. */
  kept: 'holdfast:kept',
  /** On a volume whose copy (CopyVolumes) is to be made: its migration's place among the five of the region. */
  cloneClaim: 'holdfast:clone-claim',
  /** On images, and on keys: the alias or share the resource was made for. */
  alias: 'holdfast:alias',
  /** On an encrypted copy that stands for another snapshot, or is to: that snapshot. */
  encryptedFrom: 'holdfast:encrypted-from',
  /** On an encrypted copy before its commit: the id in its description. It counts as nothing until then. */
  uncommitted: 'holdfast:uncommitted',
  /** On an encrypted copy: ISO 8601 instant (UTC) at which the first snapshot was begun. */
  startedAt: 'holdfast:started-at',
  /** On an encrypted copy of what is not Holdfast's: the description that the original had. */
  description: 'holdfast:description',
  /** Idempotency key of a create call that has no client token. */
  request: 'holdfast:request',
} as const;

/** What a copy in another place does not take over: it is about the snapshot itself. */
export const NOT_COPIED: readonly string[] = [TAG.copies, TAG.encryptedFrom, TAG.uncommitted];

/** Version written to {@link TAG.schema}. */
export const TAG_SCHEMA_VERSION = '1';

/** The description that, together with the tag, proves that a snapshot or image is Holdfast's own. */
export function ownDescription(recoveryPointId: string): string {
  return `holdfast/${recoveryPointId}`;
}

/** Signals between the workflows that copy recovery points; people have no use for them. */
export const ENQUEUE_COPIES = 'enqueueCopies';
export const COPIES_DONE = 'copiesDone';
