import { runBackupSchema } from '../model/backup/run';
import { parseInput } from '../model/input';
import type { OperationName } from '../model/operations';
import { OPERATION_INPUTS } from '../model/operations/inputs';

/**
 * What the operation's workflow would refuse of this input, by the same schema; undefined where nothing is wrong. Asked before anything
 * starts, a slip of the pen leaves no failed workflow.
 */
export function inputProblems(name: OperationName, input: unknown): string | undefined {
  const sent = asSent(input);
  const parsed = parseInput(name === 'runBackup' ? runBackupSchema(sent) : OPERATION_INPUTS[name], sent);
  return parsed.ok ? undefined : parsed.problems;
}

/** What is undefined is not sent. */
function asSent(input: unknown): unknown {
  return input === undefined ? undefined : JSON.parse(JSON.stringify(input));
}
