import { Context } from '@temporalio/activity';
import { ApplicationFailure } from '@temporalio/common';
import { toFailure } from '../../../aws/failures';
import { FAILURE } from '../../../model/failures';
import type { VolumeDecision } from '../../../model/moves/loneVolume';
import type { Planned, Surveyed, Wanted } from '../../../model/moves/migration';
import type { Target } from '../../../model/target';
import type { ActivityDeps } from '../../support/deps';
import { volumePlanner } from '../../moves/loneVolumes';
import { machinePlanner, type MachineAsked } from '../../moves/machinePlanner';
import { inChunks } from '../../../model/group';

/** Looked at side by side. */
const AT_ONCE = 10;

type Asked = Wanted & { target: Target };

/** A campaign looks at its machines and volumes many at a time: one by one, thousands would fill its history. */
export function moveSurveyActivities(deps: ActivityDeps) {
  const machines = machinePlanner(deps);
  const volumes = volumePlanner(deps);

  return {
    /** What a migration of the machine would do, or every reason not to; reads only. */
    async planMachine(asked: MachineAsked): Promise<Planned> {
      return machines.plan(asked);
    },

    /** In the order in which they were asked about; reads only. */
    async surveyMachines({ instanceIds, ...asked }: Asked & { instanceIds: string[] }): Promise<Surveyed[]> {
      return surveyEach(instanceIds, (instanceId) => machines.survey({ ...asked, instanceId }));
    },

    /** In the order in which they were asked about; reads only. */
    async surveyVolumes({
      volumeIds,
      ...asked
    }: Omit<Asked, 'healthChecks'> & { volumeIds: string[] }): Promise<VolumeDecision[]> {
      return surveyEach(volumeIds, (volumeId) => volumes.survey({ ...asked, volumeId }));
    },
  };
}

async function surveyEach<Decision>(
  ids: readonly string[],
  survey: (id: string) => Promise<Decision>,
): Promise<(Decision | { kind: 'blocked'; reasons: string[] })[]> {
  const decisions: (Decision | { kind: 'blocked'; reasons: string[] })[] = [];
  for (const page of inChunks(ids, AT_ONCE)) {
    Context.current().heartbeat({ surveyed: decisions.length });
    decisions.push(...(await Promise.all(page.map((id) => survey(id).catch(goneMeanwhile)))));
  }
  return decisions;
}

/** Among thousands, some go between the selection and the look; that is no reason to leave the others. */
function goneMeanwhile(error: unknown): { kind: 'blocked'; reasons: string[] } {
  const failure = toFailure(error);
  if (failure instanceof ApplicationFailure && failure.type === FAILURE.notFound)
    return { kind: 'blocked', reasons: [`it is gone meanwhile: ${failure.message}`] };
  throw error;
}
