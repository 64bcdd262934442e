import type { KeptVolume } from '../machines/keptVolume';
import type { Listed } from '../list';
import type { Target } from '../target';

/** What a policy selects in one target, and what nothing selects there. */
export interface TargetSurvey {
  target: Target;
  /** Instances that the policy selects. */
  instances: number;
  /** Standalone volumes that it selects. */
  volumesAlone: number;
  /** Volumes in all: those of the instances, and the standalone ones. */
  volumes: number;
  gib: number;
  /** Volumes that it means too, and Holdfast keeps for itself: they are in no other number. Not there in surveys of 0.1.0. */
  leftOut?: number;
  /** Those of them that it names by id, where it does not select what is used in their place. */
  replaced?: KeptVolume[];
  /** Ids that it names, and nothing here has. Not there in surveys of 0.1.0. */
  missing?: string[];
  /** Instances and standalone volumes that no policy selects, this one included. */
  unprotected: Listed<Unprotected>;
}

export interface Unprotected {
  target: Target;
  resourceId: string;
  /** Its Name tag. */
  name?: string;
}
