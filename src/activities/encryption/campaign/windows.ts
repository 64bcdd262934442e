import { finalFailure } from '../../../aws/applicationFailures';
import { ScheduleProblem } from '../../../calendar/timetable';
import { longestOpeningMs, nextOpening } from '../../../calendar/window';
import { formatDuration } from '../../../model/duration';
import { FAILURE } from '../../../model/failures';
import type {
  MachineNeed,
  MaintenanceWindow,
  Opening,
  WindowCheck,
} from '../../../model/encryption/campaign/window';

interface WindowAsked {
  window: MaintenanceWindow;
  /** The time of the workflow that asks, which its timers go by too. */
  from: number;
}

/** Calendar arithmetic of maintenance windows; nothing is called. */
export function windowActivities() {
  return {
    /**
     * Whether the window will ever let the machines in.
     *
     * @throws ApplicationFailure InvalidInput where it never opens, or for none of them for long enough
     */
    checkWindow(asked: WindowAsked & { machines: MachineNeed[] }): Promise<WindowCheck> {
      return refuseImpossible(() => check(asked));
    },

    /** The first opening that is long enough, from now on. */
    nextOpening({ window, from, needMs }: WindowAsked & { needMs: number }): Promise<Opening> {
      return refuseImpossible(() => nextOpening(window, from, needMs));
    },
  };
}

function check({ window, from, machines }: WindowAsked & { machines: MachineNeed[] }): WindowCheck {
  const longestMs = longestOpeningMs(window, from);
  const open = formatDuration(longestMs);
  const long = machines.filter(({ needMs }) => needMs > longestMs);
  const [least] = [...long].sort((a, b) => a.needMs - b.needMs);
  if (least && long.length === machines.length)
    throw new ScheduleProblem(
      'window',
      `it is open for ${open} at most, and ${least.instanceId}, the quickest machine, needs ${least.sum}; make it longer`,
    );
  const fitting = machines.filter(({ needMs }) => needMs <= longestMs).map(({ needMs }) => needMs);
  return {
    next: nextOpening(window, from, Math.min(...fitting, longestMs)),
    tooLong: long.map(({ instanceId, sum }) => ({
      item: instanceId,
      reasons: [`window: it is open for ${open} at most, and this machine needs ${sum}`],
    })),
  };
}

function refuseImpossible<Result>(reckon: () => Result): Promise<Result> {
  try {
    return Promise.resolve(reckon());
  } catch (error) {
    if (!(error instanceof ScheduleProblem)) throw error;
    const field = error.field === 'window' ? 'window' : `window.${error.field}`;
    throw finalFailure(FAILURE.invalidInput, `${field}: ${error.message}`);
  }
}
