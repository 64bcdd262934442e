import { CommanderError } from 'commander';
import {
  AlreadyStarted,
  BackfillRefused,
  CampaignNotFound,
  ConfigError,
  FAILURE,
  InputRefused,
  NotMoved,
  OperationFailed,
  OperationNotFound,
  PolicyFileError,
  PolicyNotFound,
} from '../client';

/** What they mean is told by `holdfast --help`. */
export const EXIT = { done: 0, failed: 1, callersFault: 2, notCompliant: 3, interrupted: 130 } as const;

/** What of a call its caller can mend: nothing was changed. */
const CALLERS_TYPES: readonly string[] = [
  FAILURE.invalidInput,
  FAILURE.nothingSelected,
  FAILURE.policyNotFound,
  FAILURE.targetNotAllowed,
];
/** Somebody was asked, and did not mean it. */
export class Declined extends Error {
  override readonly name = 'Declined';
}

const CALLERS_ERRORS = [
  AlreadyStarted,
  BackfillRefused,
  CampaignNotFound,
  ConfigError,
  Declined,
  NotMoved,
  OperationNotFound,
  PolicyFileError,
  PolicyNotFound,
];

/** What went wrong, for programs. */
export interface Refusal {
  /** Of an operation one of `FAILURE`; else what kind of error it is. */
  type: string;
  message: string;
  workflowId?: string;
}

export function refusalOf(error: unknown): Refusal {
  if (error instanceof CommanderError)
    return { type: 'WrongUsage', message: error.message.replace(/^error: /, '') };
  if (error instanceof InputRefused) return { type: error.type, message: error.message };
  if (error instanceof OperationFailed)
    return { type: error.type, message: error.message, workflowId: error.workflowId };
  if (error instanceof Error) return { type: error.name, message: error.message };
  return { type: 'Error', message: String(error) };
}

export function exitCodeOf(error: unknown): number {
  // Asking for help or the version ends like an error, and is none.
  if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.done : EXIT.callersFault;
  const isCallers =
    error instanceof OperationFailed
      ? CALLERS_TYPES.includes(error.type) || namesField(error)
      : CALLERS_ERRORS.some((type) => error instanceof type);
  return isCallers ? EXIT.callersFault : EXIT.failed;
}

/** Things that are not there, or cannot be used, are the caller's where the message begins with the field that named them. */
const OF_FIELDS: readonly string[] = [FAILURE.notFound, FAILURE.keyUnusable, FAILURE.notShareable];
const FIELD = /^[a-z][A-Za-z]*(\[\d+\]|\.\w+)*: /;

function namesField({ type, message, result }: OperationFailed): boolean {
  return OF_FIELDS.includes(type) && FIELD.test(message) && result === undefined;
}

/** One line for people, or for programs. */
export function refusalText(refusal: Refusal, asJson: boolean): string {
  if (asJson) return JSON.stringify({ error: refusal });
  const { type, message, workflowId } = refusal;
  return workflowId === undefined
    ? `holdfast: ${message}`
    : `holdfast: ${type}: ${message} (workflow ${workflowId})`;
}

/** Whether the call asks for JSON: read here and not from the parsed options, because a call that cannot be parsed is answered so too. */
export function asksForJson(args: readonly string[]): boolean {
  return args.some((arg, index) => {
    if (arg === '-o' || arg === '--output') return args[index + 1] === 'json';
    return ['-ojson', '--output=json'].includes(arg);
  });
}
