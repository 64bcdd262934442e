import { isUncommitted } from '../../../model/encryption/snapshots/encryptedCopy';
import { FAILURE } from '../../../model/failures';
import { valueAt } from '../../../model/group';
import { TAG } from '../../../model/names';
import type { FailedItem } from '../../../model/outcome';
import { matchesTags } from '../../../model/selector';
import type {
  EncryptedSnapshot,
  SnapshotScope,
} from '../../../model/encryption/snapshots/snapshotEncryption';
import { sleepUntil } from '../../points/copyWaits';
import { CLOCKS_APART_MS, unrecordedCopies, type Unrecorded } from './copyRecords';
import type { ActivityDeps } from '../../support/deps';
import { snapshotsById } from '../../points/recoveryPoints';
import { marksOf, snapshotsBy } from './facts';
import { ambiguous as ambiguousOwner } from '../../support/proof';
import { now } from '../../support/pace/waits';
import { tagMap } from '../../support/tags';
import type { KnownSnapshot } from '../../support/known';

/** So many pairs of ids are 60 kB. */
const A_PAGE = 1000;

interface UnrecordedRequest {
  scope: SnapshotScope;
  /** Milliseconds since the epoch: the calls that may have made them came later. The run's plan, when left out. */
  sinceMs?: number | undefined;
  /** Copies that were there before the first of those calls. */
  before?: string[] | undefined;
  /** The last original of the page before. */
  cursor?: string | undefined;
}

export interface UnrecordedPage {
  found: EncryptedSnapshot[];
  /** By original: several snapshots seem to be its copy, and none can be told to be. */
  ambiguous: FailedItem[];
  cursor?: string;
}

export function unrecordedCopyActivities(deps: ActivityDeps) {
  return {
    /**
     * Copies that a run has made and not recorded: of 0.1.0, which recorded the first hundred, and of a page that was cut off.
     * Waits until reads show what was made a moment ago, and looks twice. Changes nothing.
     */
    async findUnrecordedCopies(request: UnrecordedRequest): Promise<UnrecordedPage> {
      const { readLagMs, pollMs } = deps.settings;
      if (request.cursor === undefined) await sleepUntil(now() + readLagMs, pollMs);
      const page = await findUnrecordedPage(deps, request);
      if (page.found.length + page.ambiguous.length > 0) return page;
      await sleepUntil(now() + readLagMs / 5, pollMs);
      return findUnrecordedPage(deps, request);
    },
  };
}

async function findUnrecordedPage(deps: ActivityDeps, request: UnrecordedRequest): Promise<UnrecordedPage> {
  const { cursor = '' } = request;
  const { found, ambiguous } = await findUnrecorded(deps, request);
  const all = [
    ...found.map((pair) => ({ item: pair.snapshotId, pair })),
    ...ambiguous.map((refused) => ({ item: refused.item, refused })),
  ]
    .filter(({ item }) => item > cursor)
    .sort((a, b) => (a.item < b.item ? -1 : 1));
  const page = all.slice(0, A_PAGE);
  const last = page.at(-1)?.item;
  return {
    found: page.flatMap((each) => ('pair' in each ? each.pair : [])),
    ambiguous: page.flatMap((each) => ('refused' in each ? each.refused : [])),
    ...(all.length > page.length && last && { cursor: last }),
  };
}

/** All of them. */
export async function findUnrecorded(
  deps: ActivityDeps,
  { scope, sinceMs = 0, before = [] }: Omit<UnrecordedRequest, 'cursor'>,
): Promise<Omit<UnrecordedPage, 'cursor'>> {
  const ec2 = deps.aws.ec2(scope.target, 'migrate');
  const copies: KnownSnapshot[] = [];
  const workflowId = scope.maker.workflowId.slice(0, 256);
  const Filters = [
    { Name: 'tag-key', Values: [TAG.uncommitted] },
    { Name: `tag:${TAG.run}`, Values: [scope.maker.runId] },
  ];
  for await (const copy of snapshotsBy(ec2, Filters))
    if (isUncommitted(marksOf(copy)) && marksOf(copy).tags[TAG.workflow] === workflowId) copies.push(copy);
  const originals = await snapshotsById(ec2, [...new Set(copies.flatMap((copy) => originalOf(copy) ?? []))]);
  const selected = copies.filter((copy) => {
    const original = valueAt(originals, originalOf(copy));
    // Of one that is gone nobody can tell any more, and nothing is deleted for it either.
    return original === undefined || isSelected(original, scope);
  });
  const since = Math.max(scope.begunUntilMs ?? 0, sinceMs - CLOCKS_APART_MS);
  const { found, ambiguous } = unrecordedCopies(selected, originals, scope, { sinceMs: since, before });
  return { found, ambiguous: ambiguous.map(ambiguity) };
}

function originalOf(copy: KnownSnapshot): string | undefined {
  return marksOf(copy).tags[TAG.encryptedFrom];
}

/** Whether the run is about it: a copy of what nobody asked about is not this run's, whatever it says. */
function isSelected(
  original: KnownSnapshot,
  { snapshotIds, selector, begunUntilMs = Infinity }: SnapshotScope,
): boolean {
  const { SnapshotId, Encrypted, StartTime, Tags } = original;
  if (Encrypted || StartTime.getTime() > begunUntilMs) return false;
  if (snapshotIds) return snapshotIds.includes(SnapshotId);
  return !selector?.tags || matchesTags(selector.tags, tagMap(Tags));
}

function ambiguity({ snapshotId, copyIds }: Unrecorded['ambiguous'][number]): FailedItem {
  const { message } = ambiguousOwner(`encrypted copy of ${snapshotId}`, copyIds);
  return { item: snapshotId, type: FAILURE.ambiguousOwner, message };
}
