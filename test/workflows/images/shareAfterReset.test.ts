import { randomUUID } from 'node:crypto';
import type { SharedImageResult } from '../../../src/model/images/share';
import { awaitResult } from '../../support/awaitResult';
import { imageInputs } from '../../support/images';
import { aKey, anInstance } from '../../support/seed';
import { aWorld, type World } from '../../support/world';

describe('an encrypted image, whose run was reset before it made it', () => {
  let world: World;

  beforeAll(async () => {
    world = await aWorld({ otherAccounts: 1 });
  });
  afterAll(() => world.close());

  it('is shared, and known to a second run', async () => {
    const [{ instanceId }, key] = await Promise.all([anInstance(world.home), aKey(world.home)]);
    const input = imageInputs(world, instanceId, key)();
    const { workflowId } = await resetDuring('CreateImage', input);
    const result = await awaitResult<SharedImageResult>(world.client.workflow.getHandle(workflowId));
    expect(result.sharedWith.items).toHaveLength(1);
    jest.spyOn(world.evidence, 'get').mockResolvedValue(undefined);
    const again = await world.run<SharedImageResult>('createShareableAmi', input);
    expect(again.amiId).toBe(result.amiId);
  });

  /** When the call has taken effect, the run begins anew in another one. */
  async function resetDuring(action: string, input: object): Promise<{ workflowId: string }> {
    const workflowId = `share-${randomUUID()}`;
    const isReset = new Promise<void>((resolve, reject) => {
      world.proxy.fault(action, { held: () => reset(workflowId).then(resolve, reject) }, 1);
    });
    await world.start('createShareableAmi', input, { workflowId });
    await isReset;
    return { workflowId };
  }

  /** To its first workflow task. */
  async function reset(workflowId: string): Promise<void> {
    await world.client.workflowService.resetWorkflowExecution({
      namespace: world.client.options.namespace,
      workflowExecution: { workflowId },
      reason: 'test',
      requestId: randomUUID(),
      // The types want the class of a package that is not ours; its encoder takes numbers.
      workflowTaskFinishEventId: 4 as never,
    });
  }
});
