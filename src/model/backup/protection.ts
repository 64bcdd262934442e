import type { FailedItem } from '../outcome';
import type { Consistency } from '../points/consistency';
import type { RecoveryPointSummary } from './run';

/** Looks that show nothing before a set that may have been made is taken for not made. */
const LOOKS_IN_DOUBT = 2;
/** A unit whose calls fail so often for no known reason is reported. */
const MOST_FAILURES = 6;
/** Reads lag: so often EC2 may say that a state does not do, and show one that does. */
const MOST_REFUSALS = 6;
/** A stop takes minutes; what takes longer hangs, and the run's copies wait for it. */
const LONGEST_MOVE_MS = 3_600_000;
/** A set with a snapshot in error is made again until there have been so many, as long as the RPO allows. */
const MOST_SETS = 3;

/** What came to nothing so far. It counts for as long as the unit is open. */
export interface Trials {
  /** Calls that failed for no known reason. */
  readonly failures: number;
  /** Calls that EC2 refused because of the unit's state. */
  readonly refusals: number;
  /** Sets that ended in error and were deleted. */
  readonly errors: number;
  /** Since when it is known to be starting, stopping or being created; milliseconds since the epoch. */
  readonly movingSince?: number;
}

/** A set of snapshots that is there. */
export interface BegunSet {
  /** Volumes that it has when it is whole. */
  readonly size: number;
  /** Made by this run, not by another one of the same slot. */
  readonly created: boolean;
  /** When a look last showed all of it, in milliseconds since the epoch. */
  readonly seenAt: number;
  /** What this attempt knows of it; otherwise its tags tell. */
  readonly consistency?: Consistency;
  /** Why it is only as after a power failure. */
  readonly crashBecause?: string;
}

/** How the protection of a unit ended. */
export type End =
  | {
      readonly as: 'completed';
      readonly point: RecoveryPointSummary;
      /** What is wrong all the same. */
      readonly failure?: FailedItem;
    }
  | { readonly as: 'failed'; readonly failure: FailedItem }
  /** The policy leaves all of it out. */
  | { readonly as: 'left out' }
  /** It was still starting or stopping when all others were over. */
  | { readonly as: 'handed back' };

interface OpenStep<Step extends string> {
  readonly step: Step;
  readonly trials: Trials;
}

/** A call may have made its set, and reads may not show it yet. */
export interface Unsure extends OpenStep<'unsure'> {
  /** When to look for it, in milliseconds since the epoch. */
  readonly nextAt: number;
  /** Looks that it still gets. */
  readonly looks: number;
}
/** There is no set. */
export interface Waiting extends OpenStep<'waiting'> {
  /** When to begin one at the earliest, in milliseconds since the epoch. */
  readonly nextAt: number;
}
/** Its turn has come: it has room for its set, and calls are under way. */
export type Starting = OpenStep<'starting'>;
/** Its guest is brought to rest, or its set is being made at rest. */
export type Resting = OpenStep<'resting'>;
/** Its set is there, and an earlier attempt may have left its guest frozen, which is looked after first. */
export interface Settling extends OpenStep<'settling'> {
  readonly set: BegunSet;
}
/** Its set is there, and completes. */
export interface Pending extends OpenStep<'pending'> {
  readonly set: BegunSet;
}
export interface Over {
  readonly step: 'over';
  readonly end: End;
}

/**
 * One unit (an instance with its volumes, or a volume by itself) on its way to a completed set of snapshots. The functions
 * below are all the ways from one state to another; each takes the states that it is possible in, and no others.
 */
export type Protection = OpenProtection | Over;
export type OpenProtection = Unsure | Waiting | Starting | Resting | Settling | Pending;

/** @param mayBeMade by an earlier attempt, whose writes reads may not show yet */
export function enter(mayBeMade: boolean): Unsure {
  const trials: Trials = { failures: 0, refusals: 0, errors: 0 };
  return { step: 'unsure', trials, nextAt: 0, looks: mayBeMade ? LOOKS_IN_DOUBT : 1 };
}

/** Reads lag: what a call may have made is looked for again, and then made. */
export function lookInVain(state: Unsure, at: number, readLagMs: number): Unsure | Waiting {
  const looks = state.looks - 1;
  if (looks <= 0) return waiting(state.trials, at);
  return { ...state, looks, nextAt: at + Math.ceil(readLagMs / 5) };
}

/** Its snapshots are there, and whether they are a set is to be heard of the command that made them. */
export function hearOut(state: Unsure, at: number): Waiting {
  return waiting(state.trials, at);
}

/** A set that is there is the unit's. */
export function adopt({ trials }: Unsure, set: BegunSet): Pending {
  return { step: 'pending', trials, set };
}

/** A set that is there is the unit's, once its guest is known to be thawed. */
export function adoptFrozen({ trials }: Unsure, set: BegunSet): Settling {
  return { step: 'settling', trials, set };
}

/** The guest did not rest while the set was begun, whatever its tags say. */
export function doubt(state: Settling, why: string): Settling {
  return { ...state, set: { ...state.set, consistency: 'crash', crashBecause: why } };
}

export function settle({ trials, set }: Settling): Pending {
  return { step: 'pending', trials, set };
}

export function start({ trials }: Waiting): Starting {
  return { step: 'starting', trials };
}

export function bringToRest({ trials }: Starting): Resting {
  return { step: 'resting', trials };
}

export function begin({ trials }: Starting | Resting, set: BegunSet): Pending {
  return { step: 'pending', trials, set };
}

/**
 * EC2 takes no snapshots of it until it runs or is stopped.
 *
 * @param dueMs when its point counts as too late, in milliseconds since the epoch
 * @returns undefined where that has taken too long
 */
export function waitToSettle(
  { trials }: Starting | Resting,
  at: number,
  { inMs, dueMs }: { inMs: number; dueMs: number },
): Waiting | undefined {
  const { movingSince = at } = trials;
  if (at >= Math.min(dueMs, movingSince + LONGEST_MOVE_MS)) return undefined;
  return waiting({ ...trials, movingSince }, at + inMs);
}

/**
 * EC2 says that its state does not do: it may have changed since it was looked at.
 *
 * @returns undefined where EC2 has said so too often
 */
export function refuseState<State extends Starting | Resting>(state: State, at: number): State | undefined {
  const { refusals, movingSince = at } = state.trials;
  if (refusals + 1 >= MOST_REFUSALS) return undefined;
  return { ...state, trials: { ...state.trials, refusals: refusals + 1, movingSince } };
}

/** There is no room for its set, or no leave for the call; what passes with time is tried again. */
export function postpone({ trials }: Starting | Resting, until: number): Waiting {
  return waiting(trials, until);
}

/**
 * Nobody knows whether the call has made the set.
 *
 * @returns undefined where that has happened too often
 */
export function loseAnswer(
  { trials }: Starting | Resting,
  at: number,
  readLagMs: number,
): Unsure | undefined {
  const failures = trials.failures + 1;
  if (failures >= MOST_FAILURES) return undefined;
  return { step: 'unsure', trials: { ...trials, failures }, nextAt: at + readLagMs, looks: LOOKS_IN_DOUBT };
}

export function see(state: Pending, at: number): Pending {
  return { ...state, set: { ...state.set, seenAt: at } };
}

/** Of a set that has ended in error, and whether there may be another one. */
export function isLastSet({ trials }: Pending): boolean {
  return trials.errors + 1 >= MOST_SETS;
}

/** Its set has ended in error, and is deleted. */
export function makeAgain({ trials }: Pending, nextAt: number): Waiting {
  return waiting({ ...trials, errors: trials.errors + 1 }, nextAt);
}

/** @param failure what is wrong all the same: the point is late, or the guest may still be frozen */
export function complete(_state: Pending, point: RecoveryPointSummary, failure?: FailedItem): Over {
  return { step: 'over', end: { as: 'completed', point, failure } };
}

export function fail(_state: OpenProtection, failure: FailedItem): Over {
  return { step: 'over', end: { as: 'failed', failure } };
}

export function leaveOut(_state: Unsure): Over {
  return { step: 'over', end: { as: 'left out' } };
}

/** Somebody else waits until it runs or is stopped. */
export function handBack(_state: Waiting): Over {
  return { step: 'over', end: { as: 'handed back' } };
}

function waiting(trials: Trials, nextAt: number): Waiting {
  return { step: 'waiting', trials, nextAt };
}

/** Whether it counts among the pending snapshots that EBS takes. */
export function takesRoom(state: Protection): state is Starting | Resting | Settling | Pending {
  return state.step === 'starting' || state.step === 'resting' || isUnderWay(state);
}

/** Whether its set is there, and looks follow it. */
export function isUnderWay(state: Protection): state is Settling | Pending {
  return state.step === 'settling' || state.step === 'pending';
}

/** Whether it waits, perhaps among other things, to run or to be stopped. */
export function isMoving(state: Protection): state is Waiting {
  return state.step === 'waiting' && state.trials.movingSince !== undefined;
}
