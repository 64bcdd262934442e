/**
 * Ends the stack's processes when the program that started them is gone, even by SIGKILL: that program holds the other
 * end of our standard input. Lines `+<pid>` and `-<pid>` say which process groups those are; the arguments are files to
 * remove with them.
 */
import { rmSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';

const GRACE_MS = 2_000;

const groups = new Set<number>();

createInterface({ input: process.stdin })
  .on('line', (line) => {
    const pid = Number(line.slice(1));
    if (!(pid > 1)) return;
    if (line.startsWith('+')) groups.add(pid);
    else groups.delete(pid);
  })
  .on('close', () => void endAll());

async function endAll(): Promise<void> {
  if (groups.size > 0) {
    for (const group of groups) signal(group, 'SIGTERM');
    await sleep(GRACE_MS);
    for (const group of groups) signal(group, 'SIGKILL');
    for (const file of process.argv.slice(2)) rmSync(file, { force: true });
  }
  process.exit(0);
}

function signal(group: number, name: NodeJS.Signals): void {
  try {
    process.kill(-group, name);
  } catch {
    // It has ended by itself.
  }
}
