import { randomUUID } from 'node:crypto';
import { WorkflowUpdateFailedError, type WorkflowHandle } from '@temporalio/client';
import { FAILURE } from '../../../src/model/failures';
import { STARTED_BY_MEMO, TASK_QUEUE } from '../../../src/model/names';
import { failureOf } from '../../support/failure';
import { inPhase } from '../../support/phase';
import { until } from '../../support/until';
import { aWorld, type World } from '../../support/world';

const REGION = 'us-east-1';
const BY = { by: 'ann', reason: 'checked' };

/** What people type by hand, and what Holdfast does not know. */
describe('what is not the one JSON object, type or message', () => {
  let world: World;

  beforeAll(async () => {
    world = await aWorld();
  });
  afterAll(() => world.close());

  async function start(
    type: string,
    args: unknown[],
    memo?: Record<string, string>,
  ): Promise<WorkflowHandle> {
    const workflowId = `${type}-${randomUUID()}`;
    return world.client.workflow.start(type, { args, taskQueue: TASK_QUEUE, workflowId, memo });
  }
  const failed = async (handle: WorkflowHandle) => failureOf(handle.result());
  const outcome = async (handle: WorkflowHandle) =>
    (await handle.describe()).searchAttributes.HoldfastOutcome?.[0];

  it('a misspelt workflow type ends, with the one that was meant', async () => {
    const handle = await start('encryptVolume', [{}]);
    const failure = await failed(handle);
    expect(failure).toMatchObject({ type: FAILURE.invalidInput, nonRetryable: true });
    expect(failure.message).toContain('did you mean encryptVolumes?');
    expect(failure.message).toContain('createBackupPolicy, ');
    expect(await outcome(handle)).toBe('InvalidInput');
  });

  it('a type that Holdfast itself has started waits for a worker that knows it', async () => {
    const handle = await start('encryptEverything', [{}], { [STARTED_BY_MEMO]: 'client' });
    await until(async () => {
      const { events } = await handle.fetchHistory();
      return events?.some(({ workflowTaskFailedEventAttributes: failure }) => failure) ?? false;
    });
    expect((await handle.describe()).status.name).toBe('RUNNING');
    await handle.terminate();
  });

  it.each([
    ['enableEncryptionByDefault', [{ kmsKeyIds: { [REGION]: 'alias/x' } }, { dryRun: true }]],
    ['encryptVolumes', [{ selector: { all: true }, kmsKeyId: 'alias/x' }, { dryRun: true }]],
    ['encryptSnapshots', [{ selector: { all: true }, kmsKeyId: 'alias/x' }, { dryRun: true }]],
    ['setLegalHold', [{ policyName: 'x', reason: 'y' }, [BY, BY]]],
    ['runBackup', [{ policyName: 'x' }, null]],
  ])('%s refuses a second argument, and begins nothing', async (type, args) => {
    world.proxy.reset();
    const handle = await start(type, args);
    const failure = await failed(handle);
    expect(failure).toMatchObject({ type: FAILURE.invalidInput, nonRetryable: true });
    expect(failure.message).toContain('one JSON object, but 2 arguments were given');
    expect(await outcome(handle)).toBe('InvalidInput');
    expect(world.proxy.calls).toEqual([]);
  });

  describe('a run that is open', () => {
    let hold: WorkflowHandle;
    beforeAll(async () => {
      hold = await start('setLegalHold', [{ policyName: 'none', reason: 'case 7' }]);
      await inPhase(hold, 'On hold');
    });
    afterAll(() => hold.terminate());

    it('refuses a misspelt update at once, with the names there are', async () => {
      const refused = await hold.executeUpdate('aprove', { args: [BY] }).catch((error: unknown) => error);
      expect(refused).toBeInstanceOf(WorkflowUpdateFailedError);
      expect((refused as WorkflowUpdateFailedError).cause?.message).toBe(
        'aprove: no message that this workflow takes; did you mean approve? it takes approve, reject',
      );
    });

    it('refuses a message that other workflows take', async () => {
      await expect(hold.executeUpdate('cancelItem', { args: [BY] })).rejects.toMatchObject({
        cause: { message: 'cancelItem: no message that this workflow takes; it takes approve, reject' },
      });
    });

    it('says on its page that a misspelt signal changed nothing', async () => {
      await hold.signal('rejekt', BY);
      const page = async () => JSON.stringify(await hold.query('__temporal_workflow_metadata'));
      await until(async () => (await page()).includes('the signal rejekt: no message'));
      expect(await page()).toContain('did you mean reject?');
    });

    it('answers a misspelt query with the ones there are', async () => {
      await expect(hold.query('progres')).rejects.toThrow(/Registered queries: \[.*progress/);
    });
  });
});
