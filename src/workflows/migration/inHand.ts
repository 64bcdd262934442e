import type { MachinePlan } from '../../model/migration';
import type { Run } from '../support/operation';

/** A machine while a move has it in hand: what is done with it goes by the plan, and is marked with the move's id. */
export interface MachineInHand {
  id: string;
  plan: MachinePlan;
  run: Run;
}
