import { Context } from '@temporalio/activity';
import { MockActivityEnvironment } from '@temporalio/testing';
import { DescribeVolumesCommand, EC2Client } from '@aws-sdk/client-ec2';
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
