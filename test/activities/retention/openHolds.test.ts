import type { Client } from '@temporalio/client';
import { MockActivityEnvironment } from '@temporalio/testing';
import { requireReadableHolds, notKnown, readOpenHolds } from '../../../src/activities/retention/openHolds';
import { HOLD_MEMO } from '../../../src/model/retention/hold';

const NOW = Date.parse('2026-03-01T12:00:00Z');
const HOUR = 3_600_000;
const HOLD = { holdId: 'h', reason: 'case 7', policyName: 'sued' };

interface Open {
  workflowId: string;
  taskQueue?: string;
  openFor?: number;
  memo?: object;
}

describe('legal holds that are open', () => {
  const temporal = (open: Open[]) =>
    ({
      workflow: {
        async *list() {
          await Promise.resolve();
          for (const { taskQueue = 'holdfast', openFor = 0, ...each } of open)
            yield { ...each, taskQueue, startTime: new Date(NOW - openFor) };
        },
      },
    }) as unknown as Client;
  const run = <Answer>(ask: (temporal: Client, now: number) => Promise<Answer>, open: Open[]) =>
    new MockActivityEnvironment().run<[], Answer, () => Promise<Answer>>(() => ask(temporal(open), NOW));

  it('are what they say they hold, however long they have been open', async () => {
    const said = { workflowId: 'said', openFor: 5000 * HOUR, memo: { [HOLD_MEMO]: HOLD } };
    expect(await run(requireReadableHolds, [said])).toEqual({ holds: [HOLD], unknown: [], astray: [] });
  });

  it('are unknown for as long as they may be about to say it', async () => {
    expect(await run(requireReadableHolds, [{ workflowId: 'opening', openFor: HOUR - 1 }])).toEqual({
      holds: [],
      unknown: ['opening'],
      astray: [],
    });
  });

  it('are an error where they do not say it: nothing goes, and somebody hears of it', async () => {
    const silent = { workflowId: 'silent', openFor: HOUR + 1, memo: {} };
    await expect(run(requireReadableHolds, [silent])).rejects.toMatchObject({
      type: 'Conflict',
      nonRetryable: true,
      message: expect.stringMatching(
        /^workflow silent \(setLegalHold\) has been open for more than an hour/,
      ) as unknown,
    });
    // Backups go on, under the holds that are known.
    const said = { workflowId: 'said', memo: { [HOLD_MEMO]: HOLD } };
    expect(await run(readOpenHolds, [silent, said])).toEqual({
      ...{ holds: [HOLD], unknown: [], silent: ['silent'], astray: [] },
    });
  });

  it.each([0, 100 * HOUR])(
    'hold nothing where no worker of Holdfast will carry them out, and are named',
    async (openFor) => {
      const mistyped = { workflowId: 'mistyped', taskQueue: 'holdfsat', openFor };
      const open = await run(requireReadableHolds, [mistyped]);
      expect(open).toEqual({
        ...{ holds: [], unknown: [], astray: [{ workflowId: 'mistyped', taskQueue: 'holdfsat' }] },
      });
      expect(notKnown(open)).toEqual([
        { workflowId: 'mistyped', reason: expect.stringMatching(/holdfsat.*: it holds nothing/) as unknown },
      ]);
    },
  );

  it.each([['text'], [{ reason: 'case 7' }], [{ holdId: 'h', reason: 'case 7' }], [null]])(
    'are unknown where their memo says something else: %j',
    async (memo) => {
      const odd = { workflowId: 'odd', memo: { [HOLD_MEMO]: memo } };
      const open = await run(requireReadableHolds, [odd]);
      expect(open).toEqual({ holds: [], unknown: ['odd'], astray: [] });
      expect(notKnown(open)).toMatchObject([{ workflowId: 'odd' }]);
    },
  );
});
