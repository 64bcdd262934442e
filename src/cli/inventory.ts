import { Option, type Command } from 'commander';
import { takeInventory, type OperationResult } from '../client';
import type { InventoryVolume } from '../model/policies/inventory';
import { targetKey, type Target } from '../model/target';
import { outputOption, addTag, type Output } from './options';
import type { Shell } from './shell';
import { table } from './table';
import { counts } from './words';
import { sayDuring } from './waiting';

interface Flags extends Output {
  account?: string;
  region?: string;
  policy?: string;
  tag?: Record<string, string>;
  volumes: boolean;
  ids: boolean;
}

/** `holdfast inventory`: what there is, by name and id. The worker looks: a shell needs no rights in AWS. */
export function inventoryCommand(program: Command, shell: Shell): void {
  program
    .command('inventory')
    .description('machines and volumes with their names, ids and policies, and what is encrypted')
    .option('--account <id>', "another account than the worker's own")
    .option('--region <region>', "another region than the worker's own")
    .option('--policy <policyName>', 'all accounts and regions of this policy')
    .addOption(
      new Option('--tag <key=value>', 'only what has this tag; several: all of them').argParser(addTag),
    )
    .option('--volumes', 'the volumes of machines too, one by one', false)
    .option('--ids', 'nothing but ids, a line each: of machines, and of volumes by themselves', false)
    .addOption(outputOption())
    .action(({ account, region, policy, tag, volumes, ids, ...output }: Flags) =>
      shell.connected(async (holdfast) => {
        const target = { ...(account && { accountId: account }), ...(region && { region }) };
        const input = {
          ...(Object.keys(target).length > 0 && { targets: [target] }),
          ...(policy && { policyName: policy }),
          ...(tag && { tags: { all: tag } }),
        };
        const inventory = await sayDuring('looking', () => takeInventory(holdfast, input));
        shell.say(output, inventory, () => (ids ? idsText(inventory) : inventoryText(inventory, volumes)));
        const left = ids ? notListed(inventory) : 0;
        if (left === 0) return;
        // A script reads no more than the ids: it must not take some for all.
        shell.tell(`${left} more are not printed: name a tag (--tag), an account or a region`);
        shell.notCompliant();
      }),
    );
}

/** For scripts: `machine=$(holdfast inventory --tag Name=orders-db-1 --ids)`. */
export function idsText({ machines, volumes }: OperationResult<'takeInventory'>): string {
  return [
    ...machines.items.map(({ instanceId }) => instanceId),
    ...volumes.items.map(({ volumeId }) => volumeId),
  ].join('\n');
}

/** How many there are beyond those that a result lists. */
function notListed({ machines, volumes }: OperationResult<'takeInventory'>): number {
  return machines.total - machines.items.length + volumes.total - volumes.items.length;
}

export function inventoryText(
  { machines, volumes, targets, unreadable }: OperationResult<'takeInventory'>,
  all: boolean,
): string {
  const isOne = targets.total === 1;
  const shown = all
    ? [...machines.items.flatMap((machine) => machine.volumes), ...volumes.items]
    : volumes.items;
  const machineRows = machines.items.map(
    ({ instanceId, name, target, state, policies, volumes: its, moreVolumes = 0 }) => [
      name ?? '-',
      instanceId,
      where(target, isOne),
      state,
      its.length > 0 ? `${its.length + moreVolumes}, ${moreVolumes ? 'over ' : ''}${gib(its)} GiB` : '-',
      encryptedShare(its),
      policies.join(' ') || 'none',
    ],
  );
  const volumeRows = shown.map((volume) => [
    volume.name ?? '-',
    volume.volumeId,
    where(volume.target, isOne),
    [volume.instanceId, volume.device].filter(Boolean).join(' ') || '-',
    `${volume.gib} GiB ${volume.type}`,
    volume.encrypted ? 'yes' : 'no',
    volume.keptFor ? 'kept for a migration' : volume.policies.join(' ') || 'none',
  ]);
  return [
    [
      `${targets.items.map(targetKey).join(', ')}${targets.truncated ? ', …' : ''}:`,
      counts([machines.total, 'machine'], [volumes.total, 'volume by itself', 'volumes by themselves']),
    ].join(' '),
    ...(machineRows.length > 0
      ? [table(['NAME', 'MACHINE', 'IN', 'STATE', 'VOLUMES', 'ENCRYPTED', 'POLICIES'], machineRows)]
      : []),
    ...(volumeRows.length > 0
      ? [table(['NAME', 'VOLUME', 'IN', 'ATTACHED TO', 'SIZE', 'ENCRYPTED', 'POLICIES'], volumeRows)]
      : []),
    ...([machines, volumes].some(({ truncated }) => truncated)
      ? ['Not all are shown: name a tag (--tag), an account or a region.']
      : []),
    ...unreadable.map((name) => `Policy ${name} cannot be read, and what it selects is not known.`),
  ].join('\n\n');
}

/** Nothing to say where all is in one place. */
function where(target: Target, isOne: boolean): string {
  return isOne ? '' : targetKey(target);
}

function gib(volumes: readonly InventoryVolume[]): number {
  return volumes.reduce((sum, volume) => sum + volume.gib, 0);
}

function encryptedShare(volumes: readonly InventoryVolume[]): string {
  const encrypted = volumes.filter((volume) => volume.encrypted).length;
  if (volumes.length === 0) return '-';
  if (encrypted === 0) return 'no';
  return encrypted === volumes.length ? 'yes' : `${encrypted} of ${volumes.length}`;
}
