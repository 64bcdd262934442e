import { setTimeout as sleep } from 'node:timers/promises';
import type { AwsAccount } from '../stack/awsAccounts';
import { Problem } from '../stack/problem';
import type { Stack } from '../stack/stack';
import { instanceById } from '../measure/reads';
import { recordMachine, type MachineRecord } from '../measure/disks';

const LOOK_EVERY_MS = 50;

/** The worst moment must come within this time. */
const WITHIN_MS = 5 * 60_000;

/** Long enough for a person to see in the table that the worker is gone. */
const DOWN_MS = 2_000;

/** Resolves when the machine has left `running`: from now on its volumes are about to change. */
export async function stopping(home: AwsAccount, instanceId: string, given: AbortSignal): Promise<void> {
  await until(given, async () => {
    const { State } = await instanceById(home.ec2(), instanceId);
    return State?.Name !== 'running' ? true : undefined;
  });
}

/** Resolves when the machine is down and at least one original is detached from it: half done, by any measure. */
export async function midSwap(home: AwsAccount, before: MachineRecord, given: AbortSignal): Promise<string> {
  return until(given, async () => {
    const now = await recordMachine(home, before.instanceId);
    const gone = [...before.disks].filter(
      ([device, { volumeId }]) => now.disks.get(device)?.volumeId !== volumeId,
    );
    if (now.state !== 'stopped' || gone.length === 0) return undefined;
    return `${before.instanceId} stopped, ${gone.map(([device]) => device).join(', ')} detached`;
  });
}

/** SIGKILL, a pause, and a new worker; what it was in the middle of is Temporal's to give again. */
export async function crashWorker(
  stack: Stack,
  tell: (text: string) => void,
): Promise<{ killed: number; started: number }> {
  const killed = await stack.killWorker();
  tell(`worker ${killed} killed with SIGKILL`);
  await sleep(DOWN_MS);
  const started = await stack.restartWorker();
  return { killed, started };
}

async function until<Found>(given: AbortSignal, look: () => Promise<Found | undefined>): Promise<Found> {
  const deadline = Date.now() + WITHIN_MS;
  for (;;) {
    const found = await look();
    if (found !== undefined) return found;
    if (given.aborted)
      throw new Problem('the migration was over before the worker could be killed in the middle of it');
    if (Date.now() > deadline)
      throw new Problem('the moment to kill the worker did not come within five minutes');
    await sleep(LOOK_EVERY_MS);
  }
}
