import type { Client } from '@temporalio/client';
import { campaignActivities } from '../../../src/activities/encryption/campaign/campaigns';
import type { ActivityDeps } from '../../../src/activities/support/deps';
import { isOpen } from '../../../src/activities/support/openWorkflows';

/** Temporal, where every workflow is of the status that its id says. */
const deps = {
  temporal: {
    workflow: { getHandle: (id: string) => ({ describe: () => Promise.resolve({ status: { name: id } }) }) },
  } as unknown as Client,
} as ActivityDeps;

const ENDED = ['COMPLETED', 'FAILED', 'CANCELLED', 'TERMINATED', 'TIMED_OUT', 'CONTINUED_AS_NEW'];

describe('a workflow', () => {
  it.each(['RUNNING', 'PAUSED'])('that is %s is open', async (status) => {
    expect(await isOpen(deps, status)).toBe(true);
    expect(await campaignActivities(deps).closedWorkflows({ workflowIds: [status] })).toEqual([]);
  });

  it.each(ENDED)('that is %s has ended', async (status) => {
    expect(await isOpen(deps, status)).toBe(false);
    const closed = await campaignActivities(deps).closedWorkflows({ workflowIds: [status] });
    expect(closed).toEqual([{ workflowId: status, status }]);
  });
});
