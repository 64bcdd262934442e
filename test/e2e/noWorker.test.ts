import { execFile } from 'node:child_process';
import path from 'node:path';
import { promisify } from 'node:util';
import { ServiceError, WorkflowUpdateRPCTimeoutOrCancelledError } from '@temporalio/client';
import { Holdfast, NoWorkerAnswered } from '../../src/client';
import { unanswered } from '../../src/client/errors';
import { compileSources, removeCompiled } from '../support/compiled';
import { until } from '../support/until';
import { aWorld, type World } from '../support/world';

const GRPC = { deadlineExceeded: 4, notFound: 5 };

describe('where no worker runs', () => {
  let world: World;
  let holdfast: Holdfast;
  let compiled = '';

  beforeAll(async () => {
    [world, compiled] = await Promise.all([aWorld({ worker: false }), compileSources()]);
    holdfast = await Holdfast.connect(environment());
  });
  afterAll(async () => {
    await holdfast.close();
    await world.close();
    await removeCompiled(compiled);
  });

  function environment() {
    const { address, namespace = 'default' } = world.temporal;
    return {
      TEMPORAL_ADDRESS: address,
      TEMPORAL_NAMESPACE: namespace,
      PATH: process.env.PATH,
      HOME: compiled,
    };
  }

  it('the CLI says so at once, and starts what was asked for all the same', async () => {
    const program = path.join(compiled, 'src/cli/holdfast.js');
    const { stdout, stderr } = await promisify(execFile)(
      process.execPath,
      [program, 'run', 'enforceExpiry', '--workflow-id', 'unattended', '--detach'],
      { env: environment(), cwd: compiled },
    );
    expect(stderr).toMatch(
      /^holdfast: no worker polls the task queue holdfast in namespace .* \(npm run worker\)\n$/,
    );
    expect(JSON.parse(stdout)).toEqual({
      workflowId: 'unattended',
      webUi: '/namespaces/default/workflows/unattended',
      status: 'holdfast progress unattended',
      result: 'temporal workflow result --workflow-id unattended',
    });
  });

  it('and nothing more once there is one', async () => {
    expect(await holdfast.hasWorker()).toBe(false);
    await world.startWorker({});
    await until(() => holdfast.hasWorker());
  });

  const grpc = (code: number) => Object.assign(new Error('no'), { code, details: '', metadata: {} });
  it.each<[string, Error, boolean]>([
    ['a query that nobody answers', new ServiceError('no', { cause: grpc(GRPC.deadlineExceeded) }), true],
    [
      'a message that nobody takes',
      new WorkflowUpdateRPCTimeoutOrCancelledError('no', { cause: grpc(GRPC.deadlineExceeded) }),
      true,
    ],
    ['another error', new ServiceError('no', { cause: grpc(GRPC.notFound) }), false],
  ])('%s is told from what a workflow says', (_, error, isUnanswered) => {
    const told = unanswered(error, 'encryptVolumes/1');
    expect(told instanceof NoWorkerAnswered).toBe(isUnanswered);
    expect(told.message).toMatch(
      isUnanswered ? /^no worker answered for encryptVolumes\/1 .*npm run worker/ : /^no$/,
    );
  });
});
