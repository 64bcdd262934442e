import { setTimeout as sleep } from 'node:timers/promises';
import { type Blocks } from '../measure/blocks';
import { ControlRefused } from '../measure/control';
import type { MachineRecord } from '../measure/disks';

const PAUSE_MS = 100;

/**
 * A program on the machine that writes to all of its volumes, until the machine stops and takes it along.
 *
 * @returns how many blocks it wrote
 */
export async function writeUntilStopped(blocks: Blocks, { disks }: MachineRecord): Promise<number> {
  const volumeIds = [...disks.values()].map(({ volumeId }) => volumeId);
  for (let written = 0; ; written += volumeIds.length) {
    try {
      for (const volumeId of volumeIds) await blocks.write(volumeId, written % 1000);
    } catch (error) {
      if (error instanceof ControlRefused) return written;
      throw error;
    }
    await sleep(PAUSE_MS);
  }
}
