import type { Strategy } from '../../../model/moves/strategy';
import type { Migration } from '../migration';
import { clone } from './clone';
import { copy } from './copy';
import { direct } from './direct';
import type { Replacements } from '../made';

/** One way to encrypted disks. What becomes a disk is always taken after the stop: not one write is lost. */
interface StrategySteps {
  /** What needs no stop, so that less is left to do while the machine is down. */
  prepareBeforeStop(migration: Migration): Promise<void>;
  /** The new volumes, all of them made and checked before the first original is detached. */
  makeDisksAfterStop(migration: Migration): Promise<Replacements>;
}

export const STEPS: Record<Strategy, StrategySteps> = { copy, direct, clone };
