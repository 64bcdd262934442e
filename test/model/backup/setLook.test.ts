import { judgeSet, type SeenSnapshot } from '../../../src/model/backup/setLook';

const GONE_AFTER_MS = 20_000;
const SEEN_AT = 1_000_000;

function seen(state: string, volumeId = 'vol-1'): SeenSnapshot {
  const facts = { stateMessage: undefined, startedAt: SEEN_AT, fullBytes: 0, tags: {} };
  return { snapshotId: `snap-of-${volumeId}`, volumeId, state, ...facts };
}

function judge(snapshots: SeenSnapshot[], afterMs = 0, size = 2) {
  const set = { size, created: true, seenAt: SEEN_AT };
  return judgeSet(set, snapshots, { at: SEEN_AT + afterMs, goneAfterMs: GONE_AFTER_MS });
}

describe('a look at a set', () => {
  it('that is whole tells whether it is completed', () => {
    expect(judge([seen('completed'), seen('completed', 'vol-2')])).toEqual({ is: 'completed' });
    expect(judge([seen('completed'), seen('pending', 'vol-2')])).toEqual({ is: 'under way' });
  });

  it.each(['recoverable', 'recovering', ''])('takes nothing for completed that is "%s"', (state) => {
    expect(judge([seen('completed'), seen(state, 'vol-2')])).toEqual({ is: 'under way' });
  });

  it('that shows one snapshot in error tells which, whatever the others are', () => {
    const broken = seen('error', 'vol-2');
    expect(judge([seen('completed'), broken])).toEqual({ is: 'broken', broken });
    expect(judge([broken], GONE_AFTER_MS + 1)).toEqual({ is: 'broken', broken });
  });

  it('that does not show all of it believes in a read lag first', () => {
    expect(judge([seen('completed')], GONE_AFTER_MS)).toEqual({ is: 'not all shown' });
    expect(judge([seen('completed')], GONE_AFTER_MS + 1)).toEqual({ is: 'gone' });
    expect(judge([], GONE_AFTER_MS + 1)).toEqual({ is: 'gone' });
  });

  it('counts volumes, not snapshots', () => {
    expect(judge([seen('completed'), seen('completed')])).toEqual({ is: 'not all shown' });
  });

  it('does not miss what EC2 did not say would be there', () => {
    expect(judge([seen('completed'), seen('completed', 'vol-2')], 0, 1)).toEqual({ is: 'completed' });
  });
});
