import { isCancellation } from '@temporalio/workflow';
import type { MigrationReport } from '../../model/moves/migration';
import { reasonOf } from '../support/failure';
import { read } from '../support/options';
import type { Migration } from './migration';

/** Bounded: the machine is well, and an address that cannot be read is left out. */
const PATIENCE = { scheduleToCloseTimeout: '1 minute' } as const;

/** What became of a public IPv4 that EC2 had assigned, where its change was accepted. */
export async function readNewPublicIp(
  { plan: { target, instanceId }, run }: Migration,
  before: string,
): Promise<MigrationReport['publicIp']> {
  try {
    const after = await read('Look at the new public IPv4', PATIENCE).publicIpOf({ target, instanceId });
    run.remark(`Its public IPv4 was ${before} and is ${after ?? 'none'} now.`);
    return { before, ...(after && { after }) };
  } catch (error) {
    if (isCancellation(error)) throw error;
    run.remark(`Its public IPv4 was ${before}; the new one could not be read: ${reasonOf(error)}`);
    return { before };
  }
}
