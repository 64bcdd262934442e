import {
  ApplicationFailure,
  defineSignal,
  defineUpdate,
  log,
  setDefaultSignalHandler,
  setDefaultUpdateHandler,
  setHandler,
} from '@temporalio/workflow';
import { FAILURE } from '../../model/failures';
import type { Parsed } from '../../model/input';
import { parseMessage, type Message, type MessageName, MIGRATION_ENDED } from '../../model/messages';
import { COPIES_DONE, ENQUEUE_COPIES } from '../../model/names';
import { nearest } from '../../model/nearest';

/** What an update answers. */
export interface Receipt {
  accepted: true;
  message: MessageName;
}

/** What this run takes. Every run of a workflow has a copy of this module to itself. */
const taken = new Set<MessageName>();

/** Between workflows; one that comes late, to a run that waits no more, is nobody's slip. */
const INTERNAL: readonly string[] = [MIGRATION_ENDED, COPIES_DONE, ENQUEUE_COPIES];

/** A run that is sent nonsense in bulk need not tell all of it. */
const MOST_TOLD = 5;

/**
 * Refuses every other message, with the names there are: without this an update hangs for ever and a signal is kept for a
 * handler that never comes. Call it when all handlers are set; the SDK hands over what came before them at once.
 *
 * @param tell says it to whoever looks at the run: a signal has no answer
 */
export function refuseOtherMessages(tell: (refusal: string) => void): void {
  const told = new Set<string>();
  setDefaultUpdateHandler((name) => {
    throw invalid(unknownMessage(name));
  });
  setDefaultSignalHandler((name) => {
    if (INTERNAL.includes(name) || told.has(name) || told.size >= MOST_TOLD) return;
    told.add(name);
    const refusal = `the signal ${unknownMessage(name)}; it changed nothing`;
    log.warn('a signal was refused', { signal: name });
    tell(refusal);
  });
}

function unknownMessage(name: string): string {
  const meant = nearest(name, taken);
  const names = taken.size > 0 ? `it takes ${[...taken].join(', ')}` : 'it takes no messages';
  return `${name}: no message that this workflow takes; ${meant ? `did you mean ${meant}? ` : ''}${names}`;
}

/**
 * Takes one message as an update and as a signal of the same name. Call it before the workflow's first await.
 * `handle` records the intent and returns at once, and must be idempotent; the workflow acts on the record.
 *
 * @param refuse a reason why the message makes no sense now; people get it as the update's error, signals as a log line
 */
export function handleMessage(
  name: MessageName,
  handle: (message: Message) => void,
  refuse: (message: Message) => string | undefined = () => undefined,
): void {
  handleParsedMessage(name, parseMessage, handle, refuse);
}

/** The same for a message that says more. */
export function handleParsedMessage<Said extends Message>(
  name: MessageName,
  parse: (input: unknown) => Parsed<Said>,
  handle: (message: Said) => void,
  refuse: (message: Said) => string | undefined,
): void {
  const validate = (input: unknown): Said => {
    const parsed = parse(input);
    if (!parsed.ok) throw invalid(`${name}: ${parsed.problems}`);
    const objection = refuse(parsed.value);
    if (objection) throw invalid(`${name}: ${objection}`);
    return parsed.value;
  };
  taken.add(name);
  setHandler(
    defineUpdate<Receipt, [Said]>(name),
    (input) => {
      handle(validate(input));
      return { accepted: true, message: name };
    },
    { validator: (input) => void validate(input) },
  );
  setHandler(defineSignal<[Said]>(name), (input) => {
    try {
      handle(validate(input));
    } catch (error) {
      // A signal has nobody to answer to, and a throw would fail the workflow.
      log.warn('a signal was refused', { signal: name, error });
    }
  });
}

function invalid(message: string): ApplicationFailure {
  return ApplicationFailure.nonRetryable(message, FAILURE.invalidInput);
}
