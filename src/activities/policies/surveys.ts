import { Context } from '@temporalio/activity';
import { expiryOf, periodStart } from '../../calendar/calendar';
import { meanIntervalMs } from '../../calendar/timetable';
import { estimateCost, type CostEstimate } from '../../model/policies/estimate';
import { KeptFacts, keptVolume, mayBeKept, type KeptVolume } from '../../model/machines/keptVolume';
import { listed } from '../../model/list';
import { parseMachineMark } from '../../model/machines/marks';
import { TAG } from '../../model/names';
import type { NormalizedPolicy } from '../../model/policies/policy';
import { isExcluded, matchesTags, type PolicySelector } from '../../model/selector';
import { targetKey, type Target } from '../../model/target';
import type { ActivityDeps } from '../support/deps';
import { LIVING } from '../machines/inventory';
import { seenVolume } from '../machines/keptVolumes';
import { tagMap } from '../support/tags';
import { instancePages, rootVolumeId, volumePages } from '../support/reads';
import type { TargetSurvey, Unprotected } from '../../model/policies/survey';
import type { KnownInstance, KnownVolume } from '../support/known';
import { has } from '../../model/group';

const PAGE = 500;

interface EstimateRequest {
  policy: NormalizedPolicy;
  surveys: TargetSurvey[];
}

interface SurveyRequest {
  target: Target;
  policy: NormalizedPolicy;
  /** The other policies that exist. */
  others: NormalizedPolicy[];
}

const CALENDAR = { periodStart, expiryOf };

export function surveyActivities({ aws, calendar }: ActivityDeps) {
  return {
    /** What a policy would cost with what it selects now. Reads nothing. */
    estimatePolicy({ policy, surveys }: EstimateRequest): Promise<CostEstimate> {
      const everyMs = meanIntervalMs(policy, calendar.now());
      return Promise.resolve(estimateCost({ policy, everyMs, surveys, rules: CALENDAR }));
    },

    /** What a policy selects in a target, and what neither it nor any other policy does. */
    async surveyTarget({ target, policy, others }: SurveyRequest): Promise<TargetSurvey> {
      const ec2 = aws.ec2(target, 'read');
      const there = others.filter(({ targets }) =>
        targets.some((each) => targetKey(each) === targetKey(target)),
      );
      const survey = new Survey(
        target,
        policy.selector,
        there.map(({ selector }) => selector),
      );
      for await (const page of instancePages(ec2, [LIVING], { pageSize: PAGE })) {
        Context.current().heartbeat();
        for (const instance of page) survey.addInstance(instance);
      }
      for await (const page of volumePages(ec2, undefined, { pageSize: PAGE })) {
        Context.current().heartbeat();
        for (const volume of page) survey.addVolume(volume);
      }
      return survey.result();
    },
  };
}

/**
 * Instances first: a volume goes with its instance. Volumes that carry a migration's marks come last: only then is known
 * what names them.
 */
class Survey {
  private readonly counts = { instances: 0, volumesAlone: 0, volumes: 0, gib: 0, leftOut: 0 };
  private readonly facts = new KeptFacts();
  private readonly suspects: KnownVolume[] = [];
  private readonly replaced: KeptVolume[] = [];
  private readonly unprotected: Unprotected[] = [];
  private readonly selected = new Set<string>();
  private readonly selectedVolumes = new Set<string>();
  private readonly there = new Set<string>();
  private readonly bootVolumes = new Set<string>();

  constructor(
    private readonly target: Target,
    private readonly ours: PolicySelector,
    private readonly others: readonly PolicySelector[],
  ) {}

  addInstance(instance: KnownInstance): void {
    const { InstanceId, Tags } = instance;
    this.there.add(InstanceId);
    const tags = tagMap(Tags);
    const mark = parseMachineMark(tags[TAG.migration]);
    if (mark) this.facts.machines.set(InstanceId, mark);
    const bootVolume = rootVolumeId(instance);
    if (bootVolume !== undefined) this.bootVolumes.add(bootVolume);
    if (selects(this.ours, 'instanceIds', InstanceId, tags)) {
      this.selected.add(InstanceId);
      this.counts.instances += 1;
    } else if (!this.others.some((selector) => selects(selector, 'instanceIds', InstanceId, tags)))
      this.miss(InstanceId, tags);
  }

  addVolume(volume: KnownVolume): void {
    const seen = seenVolume(volume);
    this.there.add(seen.volumeId);
    if ([TAG.original, TAG.replaces].some((key) => seen.tags[key] !== undefined)) this.facts.add(seen);
    if (mayBeKept(seen)) this.suspects.push(volume);
    else this.add(volume);
  }

  result(): TargetSurvey {
    for (const volume of this.suspects) {
      const kept = keptVolume(seenVolume(volume), this.facts);
      if (kept) this.leaveOut(volume, kept);
      else this.add(volume);
    }
    const replaced = this.replaced.filter(({ usedInstead }) => !has(this.selectedVolumes, usedInstead));
    const { instanceIds = [], volumeIds = [] } = this.ours;
    const missing = [...instanceIds, ...volumeIds].filter((id) => !this.there.has(id));
    return {
      target: this.target,
      ...this.counts,
      ...(replaced.length > 0 && { replaced }),
      ...(missing.length > 0 && { missing }),
      unprotected: listed(this.unprotected),
    };
  }

  private leaveOut({ VolumeId, Tags }: KnownVolume, kept: KeptVolume): void {
    if (!selects(this.ours, 'volumeIds', VolumeId, tagMap(Tags))) return;
    this.counts.leftOut += 1;
    if (this.ours.volumeIds?.includes(VolumeId)) this.replaced.push(kept);
  }

  private add({ VolumeId, Size, Attachments = [], Tags }: KnownVolume): void {
    const tags = tagMap(Tags);
    const ofInstance = Attachments.some(({ InstanceId }) => has(this.selected, InstanceId));
    if (ofInstance || selects(this.ours, 'volumeIds', VolumeId, tags)) {
      this.selectedVolumes.add(VolumeId);
      const isBoot = this.bootVolumes.has(VolumeId);
      if (isExcluded(this.ours.exclude, { isBoot, isOfInstance: ofInstance, tags })) return;
      this.counts.volumes += 1;
      this.counts.gib += Size;
      if (!ofInstance) this.counts.volumesAlone += 1;
    } else if (
      Attachments.length === 0 &&
      !this.others.some((selector) => selects(selector, 'volumeIds', VolumeId, tags))
    )
      this.miss(VolumeId, tags);
  }

  private miss(resourceId: string, { Name: name }: Record<string, string>): void {
    this.unprotected.push({ target: this.target, resourceId, ...(name && { name }) });
  }
}

/** Whether a selector means an instance, or a volume by itself. */
export function selects(
  selector: PolicySelector,
  ids: 'instanceIds' | 'volumeIds',
  resourceId: string,
  tags: Record<string, string>,
): boolean {
  return (selector[ids] ?? []).includes(resourceId) || matchesTags(selector.tags, tags);
}
