import type { Blocks } from './blocks';
import { check, type Check } from './check';
import type { MachineRecord } from './disks';

/** Whether the machine's volumes hold now what the originals held when it stopped. */
export async function checkContent(
  blocks: Blocks,
  before: MachineRecord,
  after: MachineRecord,
  written: number,
): Promise<Check> {
  const lost: string[] = [];
  for (const [device, { volumeId }] of before.disks) {
    const now = after.disks.get(device);
    if (!now || (await blocks.digest(volumeId)) !== (await blocks.digest(now.volumeId))) lost.push(device);
  }
  return check(
    'not one write was lost: the new volumes hold what the machine wrote until it stopped',
    lost.length === 0 && written > 0,
    [`${written} blocks written while it was copied`, ...lost.map((device) => `${device} differs`)].join(
      '; ',
    ),
  );
}
