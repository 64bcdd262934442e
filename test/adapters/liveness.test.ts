import { Context } from '@temporalio/activity';
import type { ApplicationFailure } from '@temporalio/common';
import { MockActivityEnvironment } from '@temporalio/testing';
import { DefaultLogger } from '@temporalio/worker';
import { DescribeVolumesCommand, EC2Client } from '@aws-sdk/client-ec2';
import { noteCallSite, withFailures } from '../../src/aws/failures';
import { instrument } from '../../src/aws/instrument';
import { withLiveness } from '../../src/aws/liveness';

const TARGET = { accountId: '111111111111', region: 'us-east-1' };

function aClient(): EC2Client {
  const ec2 = new EC2Client({
    region: TARGET.region,
    credentials: { accessKeyId: 'a', secretAccessKey: 'b' },
  });
  ec2.middlewareStack.add(() => () => Promise.resolve({ output: { $metadata: {} }, response: {} } as never), {
    step: 'initialize',
    priority: 'low',
  });
  return instrument(ec2, { service: 'ec2', target: TARGET, as: 'the test' }, {});
}

/** What an activity's heartbeats tell that makes calls, and heartbeats a cursor between the second and the third. */
async function told(info: { heartbeatTimeoutMs?: number; heartbeatDetails?: unknown }): Promise<unknown[]> {
  const ec2 = aClient();
  const { act } = withLiveness({
    act: async () => {
      await ec2.send(new DescribeVolumesCommand({}));
      await ec2.send(new DescribeVolumesCommand({}));
      Context.current().heartbeat({ cursor: 2 });
      await ec2.send(new DescribeVolumesCommand({}));
    },
  });
  const environment = new MockActivityEnvironment(info);
  const details: unknown[] = [];
  environment.on('heartbeat', (each: unknown) => void details.push(each));
  await environment.run(act);
  return details;
}

describe('a call of AWS within an activity', () => {
  it('is a sign of life that keeps the cursor, of this attempt or the one before', async () => {
    const heartbeatDetails = { cursor: 1 };
    expect(await told({ heartbeatTimeoutMs: 30_000, heartbeatDetails })).toEqual([
      { cursor: 1 },
      { cursor: 1 },
      { cursor: 2 },
      { cursor: 2 },
    ]);
  });

  it('is none where nobody waits for one', async () => {
    expect(await told({ heartbeatTimeoutMs: 0 })).toEqual([{ cursor: 2 }]);
  });
});

describe('the pause after an attempt', () => {
  const SITE = { service: 'ec2', action: 'DescribeVolumes', ...TARGET, as: 'the test' };

  /** That the failure asks for; undefined for what Temporal's own policy says. */
  async function pauseAfter(attempt: number, lastsMs: number, completed: number) {
    const { act } = withLiveness(
      withFailures({
        act: async () => {
          Context.current().heartbeat({ completed });
          await new Promise((resolve) => setTimeout(resolve, lastsMs));
          const error = Object.assign(new Error('away'), { name: 'InternalError' });
          noteCallSite(error, SITE);
          throw error;
        },
      }),
    );
    const info = { attempt, heartbeatTimeoutMs: 30_000, heartbeatDetails: { completed: 1 } };
    const environment = new MockActivityEnvironment(info, { logger: new DefaultLogger('ERROR') });
    const failure = await environment.run(act).then(
      () => undefined,
      (error: unknown) => error as ApplicationFailure,
    );
    expect(failure).toMatchObject({ type: 'ServiceError' });
    return failure?.nextRetryDelay ?? undefined;
  }

  it('begins anew where it got somewhere', async () => {
    expect(await pauseAfter(1, 1_050, 2)).toBe(1_000);
  });

  it('grows where it did nothing that lasts, or failed right away', async () => {
    expect(await pauseAfter(1, 1_050, 1)).toBeUndefined();
    expect(await pauseAfter(1, 10, 2)).toBeUndefined();
    expect(await pauseAfter(7, 1_050, 2)).toBeUndefined();
  });
});
