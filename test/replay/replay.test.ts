import { Worker } from '@temporalio/worker';
import { DeterminismViolationError } from '@temporalio/workflow';
import * as workflows from '../../src/workflows';
import { shared } from '../support/shared';
import { newest, recorded, recordedNames, type RecordedHistory } from './histories';

const names = recordedNames();

function replay(history: RecordedHistory): Promise<void> {
  // Children are named after their parent's id, which a replay does not take from the history by itself.
  const workflowId = history.events[0]?.workflowExecutionStartedEventAttributes?.workflowId;
  const options = { workflowBundle: { codePath: shared('bundle') } };
  return Worker.runReplayHistory(options, history, workflowId);
}

describe('histories', () => {
  it.each(names)('of %s replay', async (name) => {
    await replay(recorded(name));
  });

  it('are there of every workflow', () => {
    const types = names.map(
      (name) => recorded(name).events[0]?.workflowExecutionStartedEventAttributes?.workflowType.name,
    );
    // The default one has no type of its own: it refuses runs of types that there are not.
    const served = Object.keys(workflows).filter((type) => type !== 'default');
    expect([...new Set(types)].sort()).toEqual(served.sort());
  });

  it('are really checked: one with another activity in it does not replay', async () => {
    const history = recorded(newest('migrateMachine.committed'));
    const stop = history.events.find(
      ({ activityTaskScheduledEventAttributes: scheduled }) =>
        scheduled?.activityType.name === 'ensureStopping',
    )?.activityTaskScheduledEventAttributes;
    if (!stop) throw new Error('the recorded migration stops no machine');
    stop.activityType.name = 'terminateMachine';
    await expect(replay(history)).rejects.toThrow(DeterminismViolationError);
  });
});
