import * as protection from '../../../src/model/backup/protection';
import type { Pending, Protection, Resting, Starting, Waiting } from '../../../src/model/backup/protection';

const AT = 1_000_000;
const LAG_MS = 5_000;
const HOUR_MS = 3_600_000;

type Step = Protection['step'];
type StateOf<S extends Step> = Extract<Protection, { step: S }>;

const TRIALS = { failures: 1, refusals: 2, errors: 1, movingSince: AT - 60_000 };
const SET = { size: 2, created: true, seenAt: AT - 1, consistency: 'application' } as const;
const POINT = {
  ...{ recoveryPointId: 'rp-1', resourceId: 'i-1', snapshotIds: ['snap-1'], volumeIds: ['vol-1'] },
  ...{ fullBytes: 1, created: true },
};
const FAILURE = { item: 'i-1', type: 'ResourceFailed', message: 'i-1: why' };

const STATES: { [S in Step]: StateOf<S> } = {
  unsure: { step: 'unsure', trials: TRIALS, nextAt: AT, looks: 2 },
  waiting: { step: 'waiting', trials: TRIALS, nextAt: AT },
  starting: { step: 'starting', trials: TRIALS },
  resting: { step: 'resting', trials: TRIALS },
  settling: { step: 'settling', trials: TRIALS, set: SET },
  pending: { step: 'pending', trials: TRIALS, set: SET },
  over: { step: 'over', end: { as: 'failed', failure: FAILURE } },
};
const STEPS = Object.keys(STATES) as Step[];

const { enter, takesRoom, isUnderWay, isMoving, isLastSet, ...transitions } = protection;

/** True where the compiler lets a transition have a state; a wrong line of the table below is no TypeScript. */
type Takes<Transition, S extends Step> = Transition extends (
  state: infer Accepted,
  ...more: never[]
) => unknown
  ? StateOf<S> extends Accepted
    ? true
    : false
  : never;
type Possible<Transition> = { [S in Step]: Takes<Transition, S> };

function from<const From extends Step>(...steps: From[]): { [S in Step]: S extends From ? true : false } {
  const marks = STEPS.map((step) => [step, (steps as Step[]).includes(step)]);
  return Object.fromEntries(marks) as { [S in Step]: S extends From ? true : false };
}

/** Every event: the states that it is possible in, and where it leads from such a state. */
const EVENTS: {
  [Name in keyof typeof transitions]: {
    from: Possible<(typeof transitions)[Name]>;
    to: Step;
    happens: (state: never) => Protection | undefined;
  };
} = {
  lookInVain: {
    from: from('unsure'),
    to: 'unsure',
    happens: (state) => transitions.lookInVain(state, AT, LAG_MS),
  },
  hearOut: { from: from('unsure'), to: 'waiting', happens: (state) => transitions.hearOut(state, AT) },
  adopt: { from: from('unsure'), to: 'pending', happens: (state) => transitions.adopt(state, SET) },
  adoptFrozen: {
    from: from('unsure'),
    to: 'settling',
    happens: (state) => transitions.adoptFrozen(state, SET),
  },
  leaveOut: { from: from('unsure'), to: 'over', happens: (state) => transitions.leaveOut(state) },
  start: { from: from('waiting'), to: 'starting', happens: (state) => transitions.start(state) },
  handBack: { from: from('waiting'), to: 'over', happens: (state) => transitions.handBack(state) },
  bringToRest: { from: from('starting'), to: 'resting', happens: (state) => transitions.bringToRest(state) },
  begin: {
    from: from('starting', 'resting'),
    to: 'pending',
    happens: (state) => transitions.begin(state, SET),
  },
  waitToSettle: {
    from: from('starting', 'resting'),
    to: 'waiting',
    happens: (state) => transitions.waitToSettle(state, AT, { inMs: 1, dueMs: Infinity }),
  },
  refuseState: {
    from: from('starting', 'resting'),
    to: 'starting',
    happens: (state) => transitions.refuseState(state, AT),
  },
  postpone: {
    from: from('starting', 'resting'),
    to: 'waiting',
    happens: (state) => transitions.postpone(state, AT),
  },
  loseAnswer: {
    from: from('starting', 'resting'),
    to: 'unsure',
    happens: (state) => transitions.loseAnswer(state, AT, LAG_MS),
  },
  doubt: { from: from('settling'), to: 'settling', happens: (state) => transitions.doubt(state, 'why') },
  settle: { from: from('settling'), to: 'pending', happens: (state) => transitions.settle(state) },
  see: { from: from('pending'), to: 'pending', happens: (state) => transitions.see(state, AT) },
  makeAgain: { from: from('pending'), to: 'waiting', happens: (state) => transitions.makeAgain(state, AT) },
  complete: { from: from('pending'), to: 'over', happens: (state) => transitions.complete(state, POINT) },
  fail: {
    from: from('unsure', 'waiting', 'starting', 'resting', 'settling', 'pending'),
    to: 'over',
    happens: (state) => transitions.fail(state, FAILURE),
  },
};

const CASES = Object.entries(EVENTS).flatMap(([event, { from, to, happens }]) =>
  STEPS.filter((step) => from[step]).map((step) => ({
    event,
    step,
    // The only one that stays where it is, wherever that is.
    to: event === 'refuseState' ? step : to,
    next: () => happens(STATES[step] as never),
  })),
);

describe('the protection of a unit', () => {
  it('begins in doubt, and looks twice where an earlier attempt may have made the set', () => {
    expect([enter(false).looks, enter(true).looks]).toEqual([1, 2]);
    expect(enter(true)).toMatchObject({ step: 'unsure', nextAt: 0, trials: { failures: 0, errors: 0 } });
  });

  it.each(CASES)('$step: $event leads to $to', ({ next, to }) => {
    expect(next()?.step).toBe(to);
  });

  it.each(CASES.filter(({ to }) => to !== 'over'))('$step: $event forgets no trials', ({ event, next }) => {
    const state = next();
    const trials = state?.step === 'over' ? undefined : state?.trials;
    const counts: Record<string, object> = {
      refuseState: { refusals: 3 },
      loseAnswer: { failures: 2 },
      makeAgain: { errors: 2 },
    };
    expect(trials).toEqual({ ...TRIALS, ...counts[event] });
  });

  it('gets to its end from everywhere, and goes nowhere from there', () => {
    const leadsTo = (step: Step) => CASES.filter((each) => each.step === step).map(({ to }) => to);
    const reached = new Set<Step>([enter(false).step]);
    for (const step of reached) for (const to of leadsTo(step)) reached.add(to);
    expect([...reached].sort()).toEqual([...STEPS].sort());
    for (const step of STEPS) expect(leadsTo(step).includes('over')).toBe(step !== 'over');
  });

  it('takes room from its turn on until its set is over, and is under way while that is there', () => {
    const those = (is: (state: Protection) => boolean) => STEPS.filter((step) => is(STATES[step]));
    expect(those(takesRoom)).toEqual(['starting', 'resting', 'settling', 'pending']);
    expect(those(isUnderWay)).toEqual(['settling', 'pending']);
    expect(those(isMoving)).toEqual(['waiting']);
    expect(isMoving({ step: 'waiting', nextAt: AT, trials: enter(false).trials })).toBe(false);
  });
});

describe('a set that may have been made', () => {
  it('is looked for after a part of the read lag, and made when its looks are spent', () => {
    const second = transitions.lookInVain(STATES.unsure, AT, LAG_MS);
    expect(second).toMatchObject({ step: 'unsure', looks: 1, nextAt: AT + LAG_MS / 5 });
    if (second.step !== 'unsure') throw new Error('two looks were left');
    expect(transitions.lookInVain(second, AT + 1, LAG_MS)).toMatchObject({ step: 'waiting', nextAt: AT + 1 });
  });

  it('is looked for twice, after the read lag, where an answer is lost; the sixth lost answer is the last', () => {
    const starting: Starting = { step: 'starting', trials: enter(false).trials };
    expect(transitions.loseAnswer(starting, AT, LAG_MS)).toMatchObject({ looks: 2, nextAt: AT + LAG_MS });
    const lost = (failures: number) => ({ ...starting, trials: { ...starting.trials, failures } });
    expect(transitions.loseAnswer(lost(4), AT, LAG_MS)).toMatchObject({ trials: { failures: 5 } });
    expect(transitions.loseAnswer(lost(5), AT, LAG_MS)).toBeUndefined();
  });

  it('says nothing of a set that was there before it', () => {
    const again = transitions.makeAgain(STATES.pending, AT);
    const lost = transitions.loseAnswer(transitions.start(again), AT, LAG_MS);
    const found = lost && transitions.adopt(lost, { size: 1, created: true, seenAt: AT });
    expect(found?.set).not.toHaveProperty('consistency');
  });

  it('is only as after a power failure where the guest was thawed before it', () => {
    const { set } = transitions.settle(transitions.doubt(STATES.settling, 'somebody thawed'));
    expect(set).toEqual({ ...SET, consistency: 'crash', crashBecause: 'somebody thawed' });
  });
});

describe('a unit that is starting or stopping', () => {
  const still: Starting = { step: 'starting', trials: enter(false).trials };
  const patience = { inMs: 30_000, dueMs: AT + 2 * HOUR_MS };
  const wait = (state: Starting | Resting, at: number) => transitions.waitToSettle(state, at, patience);
  const again = (state: Waiting | undefined) => transitions.start(state ?? STATES.waiting);

  it('is waited for from when that is known, for an hour', () => {
    const first = wait(still, AT);
    expect(first).toMatchObject({ nextAt: AT + 30_000, trials: { movingSince: AT } });
    expect(wait(again(first), AT + HOUR_MS - 1)).toMatchObject({ trials: { movingSince: AT } });
    expect(wait(again(first), AT + HOUR_MS)).toBeUndefined();
  });

  it('is not waited for beyond the RPO', () => {
    expect(transitions.waitToSettle(still, AT, { inMs: 1, dueMs: AT })).toBeUndefined();
  });

  it('may be refused five times though it looks as if it ran', () => {
    let state: Starting | undefined = still;
    for (let times = 1; times <= 5; times++) {
      state = state && transitions.refuseState(state, AT + times);
      expect(state?.trials).toMatchObject({ refusals: times, movingSince: AT + 1 });
    }
    expect(state && transitions.refuseState(state, AT)).toBeUndefined();
  });
});

describe('a set in error', () => {
  it('is made again until there have been three', () => {
    let state: Pending = { ...STATES.pending, trials: enter(false).trials };
    for (const isLast of [false, false, true]) {
      expect(isLastSet(state)).toBe(isLast);
      state = transitions.begin(transitions.start(transitions.makeAgain(state, AT)), SET);
    }
  });
});
