import { Context } from '@temporalio/activity';
import { ApplicationFailure } from '@temporalio/common';
import type { Volume } from '@aws-sdk/client-ec2';
import { FAILURE } from '../model/failures';
import { EBS_OPERATIONS } from '../model/keyUse';
import { targetKey, type Target } from '../model/target';
import type { ActivityDeps, Settings } from './deps';
import { describeKey, whyUnusable } from './keyChecks';
import { LAGS_UNTIL_GONE } from './recoveryPoints';
import { now, sleep } from './waits';

/** What a wait has seen of things by id: reads may lag, and what none of them shows for `LAGS_UNTIL_GONE` lags is no more. */
export class Sightings {
  private readonly missingSince = new Map<string, number>();

  constructor(private readonly settings: Pick<Settings, 'readLagMs'>) {}

  /**
   * To be told of every look. Time alone says nothing: between two looks may be minutes, and one empty answer is not believed.
   *
   * @returns those of the ids that are gone
   */
  gone(ids: readonly string[], found: Iterable<string | undefined>): string[] {
    const shown = new Set(found);
    return ids.filter((id) => {
      if (shown.has(id)) this.missingSince.delete(id);
      else if (!this.missingSince.has(id)) this.missingSince.set(id, now());
      const since = this.missingSince.get(id);
      return since !== undefined && now() - since > LAGS_UNTIL_GONE * this.settings.readLagMs;
    });
  }
}

/**
 * Those of the ids that no look has shown for `LAGS_UNTIL_GONE` read lags: at once, where the first look shows all.
 *
 * @param look the ids of what is there
 */
export async function certainlyGone(
  settings: Pick<Settings, 'readLagMs' | 'pollMs'>,
  ids: readonly string[],
  look: (ids: readonly string[]) => Promise<readonly (string | undefined)[]>,
): Promise<string[]> {
  const sightings = new Sightings(settings);
  for (let open = ids; ; await sleep(settings.pollMs)) {
    const shown = new Set(await look(open));
    open = open.filter((id) => !shown.has(id));
    const gone = sightings.gone(open, shown);
    if (gone.length === open.length) return gone;
    Context.current().heartbeat({ missing: open });
  }
}

/** Whether an activity that looks once an attempt has been looking for so long that what no read shows is gone, not late. */
export function isOverdue({ readLagMs }: Pick<Settings, 'readLagMs'>): boolean {
  const { scheduledTimestampMs, currentAttemptScheduledTimestampMs } = Context.current().info;
  return currentAttemptScheduledTimestampMs - scheduledTimestampMs > LAGS_UNTIL_GONE * readLagMs;
}

/** Volumes that are waited for. EC2 makes one under a key that it cannot use, too, and then it is not there any more. */
export class WatchedVolumes {
  private readonly sightings: Sightings;
  /** By volume, as a look showed it. */
  private readonly keys = new Map<string, string>();

  /** @param kmsKeyArn that they are to be under, where no look may show it */
  constructor(
    private readonly deps: ActivityDeps,
    private readonly target: Target,
    private readonly kmsKeyArn?: string,
  ) {
    this.sightings = new Sightings(deps.settings);
  }

  /**
   * To be told of every look.
   *
   * @throws ApplicationFailure ResourceFailed when one of them will never be there, with what its key has to do with that
   */
  async requireAlive(volumeIds: readonly string[], found: readonly Volume[]): Promise<void> {
    for (const { VolumeId = '', KmsKeyId } of found) if (KmsKeyId) this.keys.set(VolumeId, KmsKeyId);
    const broken = found.find(({ State }) => State === 'error');
    if (broken) throw await this.ended(broken.VolumeId ?? '', 'is in error');
    const [gone] = this.sightings.gone(
      volumeIds,
      found.map(({ VolumeId }) => VolumeId),
    );
    if (gone !== undefined) throw await this.ended(gone, 'is not there any more');
  }

  private async ended(volumeId: string, is: string): Promise<ApplicationFailure> {
    const kmsKeyArn = this.keys.get(volumeId) ?? this.kmsKeyArn;
    const why = kmsKeyArn
      ? `EC2 lets a volume end so whose key it cannot use. ${await this.adviceOn(kmsKeyArn)}`
      : 'somebody has deleted it';
    return ApplicationFailure.nonRetryable(
      `volume ${volumeId} in ${targetKey(this.target)} ${is}: ${why}`,
      FAILURE.resourceFailed,
    );
  }

  /** More time helps nobody whose key cannot be used. */
  private async adviceOn(kmsKeyArn: string): Promise<string> {
    const { aws } = this.deps;
    const who = aws.roleArn(this.target.accountId, 'migrate') ?? 'the worker’s own credentials';
    try {
      const key = await describeKey(aws.kms(this.target, 'read'), kmsKeyArn);
      if (!key) return `Its key ${kmsKeyArn} does not exist: name another, and start this again`;
      const problem = whyUnusable(key, this.target);
      if (problem) return `Its key ${kmsKeyArn}: ${problem}, and start this again`;
      const actions = EBS_OPERATIONS.map((operation) => `kms:${operation}`).join(', ');
      return `Its key ${kmsKeyArn} is enabled: so ${who} may not use it through EC2 (${actions}, in the key policy or its own), or somebody has deleted the volume`;
    } catch (error) {
      return `Its key ${kmsKeyArn} could not be looked at (${(error as Error).name}): check that it is enabled, and that ${who} may use it through EC2`;
    }
  }
}
