import type { ApplicationFailure } from '@temporalio/common';
import { finalFailure } from '../../aws/applicationFailures';
import { FAILURE } from '../../model/failures';
import { EBS_OPERATIONS } from '../../model/keys/keyUse';
import { targetKey, type Target } from '../../model/target';
import type { ActivityDeps } from '../support/deps';
import { describeKey, whyUnusable } from '../keys/checks';
import { Sightings } from '../support/gone';
import type { KnownVolume } from '../support/known';

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
  async requireAlive(volumeIds: readonly string[], found: readonly KnownVolume[]): Promise<void> {
    for (const { VolumeId, KmsKeyId } of found) if (KmsKeyId) this.keys.set(VolumeId, KmsKeyId);
    const broken = found.find(({ State }) => State === 'error');
    if (broken) throw await this.explainEnd(broken.VolumeId, 'is in error');
    const [gone] = this.sightings.gone(
      volumeIds,
      found.map(({ VolumeId }) => VolumeId),
    );
    if (gone !== undefined) throw await this.explainEnd(gone, 'is not there any more');
  }

  private async explainEnd(volumeId: string, is: string): Promise<ApplicationFailure> {
    const kmsKeyArn = this.keys.get(volumeId) ?? this.kmsKeyArn;
    const why = kmsKeyArn
      ? `EC2 lets a volume end so whose key it cannot use. ${await this.adviseOn(kmsKeyArn)}`
      : 'somebody has deleted it';
    return finalFailure(
      FAILURE.resourceFailed,
      `volume ${volumeId} in ${targetKey(this.target)} ${is}: ${why}`,
    );
  }

  /** More time helps nobody whose key cannot be used. */
  private async adviseOn(kmsKeyArn: string): Promise<string> {
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
