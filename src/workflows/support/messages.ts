import { ApplicationFailure, defineSignal, defineUpdate, log, setHandler } from '@temporalio/workflow';
import { FAILURE } from '../../model/failures';
import type { Parsed } from '../../model/input';
import { parseMessage, type Message, type MessageName } from '../../model/messages';

/** What an update answers. */
export interface Receipt {
  accepted: true;
  message: MessageName;
}

/**
 * Takes one message as an update and as a signal of the same name. Call it before the workflow's first await.
 * `handle` records the intent and returns at once, and must be idempotent; the workflow acts on the record.
 *
 * @param refuse a reason why the message makes no sense now; people get it as the update's error, signals as a log line
 */
export function takes(
  name: MessageName,
  handle: (message: Message) => void,
  refuse: (message: Message) => string | undefined = () => undefined,
): void {
  takesParsed(name, parseMessage, handle, refuse);
}

/** The same for a message that says more. */
export function takesParsed<Said extends Message>(
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
