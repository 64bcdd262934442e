import { MockActivityEnvironment } from '@temporalio/testing';
import type { Item } from '../../../src/activities/backup/items';
import { progressOf, recordedBefore } from '../../../src/activities/backup/ownSets';
import { enter, fail } from '../../../src/model/backup/protection';

/** While a new version is rolled out, the next attempt of an activity may be an older worker's, and the other way round. */
const TOLD_BEFORE = {
  open: 1,
  completed: 3,
  recorded: { 'rp-a': ['snap-1', 'snap-2'] },
  waitingFor: '1 resources, since then: no room',
};

function unit(recoveryPointId: string, recorded: string[] = []): Item {
  const unit = { kind: 'volume' as const, resourceId: `vol-of-${recoveryPointId}`, volumeIds: [] };
  return {
    now: { unit, recoveryPointId, volumes: [], left: [] },
    state: enter(false),
    own: { recorded: new Set(recorded), discarded: new Set() },
  };
}

describe('what an attempt leaves to the next one', () => {
  const readBy = (heartbeatDetails?: unknown) =>
    new MockActivityEnvironment({ attempt: 2, heartbeatDetails }).run(async () =>
      Promise.resolve(recordedBefore()),
    );

  it('is read as older workers tell it', async () => {
    expect(await readBy(TOLD_BEFORE)).toEqual({ 'rp-a': ['snap-1', 'snap-2'] });
    expect(await readBy()).toEqual({});
    expect(await readBy({ open: 1, completed: 0 })).toEqual({});
  });

  it('is told as older workers read it, of units that are over too', () => {
    const over = unit('rp-a', ['snap-1', 'snap-2']);
    over.state = fail(enter(false), { item: 'vol-1', type: 'NotFound', message: 'it is gone' });
    const told = progressOf([over, unit('rp-b')], 3, TOLD_BEFORE.waitingFor);
    expect(JSON.parse(JSON.stringify(told))).toEqual(TOLD_BEFORE);
  });

  it('says nothing of waiting where nobody waits', () => {
    const told = JSON.stringify(progressOf([unit('rp-a')], 0, undefined));
    expect(told).toBe('{"open":1,"completed":0,"recorded":{}}');
  });
});
