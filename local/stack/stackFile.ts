import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { Problem } from './problem';

/** What a running stack publishes, so that scripts and other shells find it. */
export interface StackFile {
  temporalAddress: string;
  namespace: string;
  uiUrl: string;
  awsEndpoint: string;
  temporalCli: string;
  workerPid: number;
  accounts: { home: string; others: string[]; partners: string[] };
}

export function stackFilePath(state: string): string {
  return path.join(state, 'stack.json');
}

/** Whoever reads it sees the old content or the new one, never half of it. */
export function writeStackFile(state: string, content: StackFile): void {
  const file = stackFilePath(state);
  writeFileSync(`${file}.part`, `${JSON.stringify(content, null, 2)}\n`);
  renameSync(`${file}.part`, file);
}

export function removeStackFile(state: string): void {
  rmSync(stackFilePath(state), { force: true });
}

const LOCK = 'stack.pid';

/**
 * One stack a folder: two would share database, log files and stack.json.
 *
 * @throws Problem naming the other stack's process
 */
export function claimFolder(state: string): () => void {
  const file = path.join(state, LOCK);
  const other = pidIn(file);
  if (other !== undefined && other !== process.pid && isAlive(other)) {
    throw new Problem(
      `a stack of this folder runs already (process ${other}): stop it with Ctrl-C there, or: kill ${other}`,
    );
  }
  writeFileSync(file, String(process.pid));
  return () => rmSync(file, { force: true });
}

function pidIn(file: string): number | undefined {
  try {
    return Number(readFileSync(file, 'utf8')) || undefined;
  } catch {
    return undefined;
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
