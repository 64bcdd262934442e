import { Option, type Command } from 'commander';
import type { OperationInput } from '../client';
import { ACCEPTABLE } from '../model/moves/blockers';
import { addTag, jsonObject, whole } from './options';

type EncryptInput = OperationInput<'encryptVolumes'>;

interface Flags {
  input?: Partial<EncryptInput>;
  instance?: string[];
  volume?: string[];
  tag?: Record<string, string>;
  key?: string;
  account?: string;
  region?: string;
  strategy?: EncryptInput['strategy'];
  rekey?: boolean;
  allow?: string[];
  concurrency?: number;
  maxFailures?: number;
  maxDowntime?: string;
  reserveCapacity?: boolean;
  drain?: true | string;
  soak?: string;
  requireApproval?: boolean;
  waves?: (number | string)[];
  pauseBetween?: string;
  approveEach?: boolean;
  window?: object;
}

const WINDOW = /^(?:([a-z,]+) +)?(\d\d:\d\d)-(\d\d:\d\d) +(\S+)$/i;

/** The flags by which a campaign is described; `plan` and `start` take the same. */
export function addCampaignFlags(command: Command): Command {
  return command
    .addOption(new Option('--input <json>', 'the input, or @file; flags go before it').argParser(jsonObject))
    .option(
      '--instance <id...>',
      'these machines (--instance, --volume or --tag is required, here or in --input)',
    )
    .option('--volume <id...>', 'the machines of these volumes')
    .addOption(new Option('--tag <key=value>', 'machines with this tag; several: with all').argParser(addTag))
    .option('--key <key>', 'customer managed key: id, ARN or alias (required, here or in --input)')
    .option('--account <id>', "another account than the worker's own")
    .option('--region <region>', "another region than the worker's own")
    .option('--strategy <name>', 'auto, clone, direct or copy')
    .option('--rekey', 'also what is encrypted under another key')
    .addOption(new Option('--allow <blocker...>', 'moves machines in spite of it').choices([...ACCEPTABLE]))
    .addOption(new Option('--concurrency <number>', 'machines at the same time').argParser(whole))
    .addOption(new Option('--max-failures <number>', 'starts no more after so many').argParser(whole))
    .option('--max-downtime <time>', 'from the stop until the machine runs again, like 30m')
    .option('--reserve-capacity', 'stops a machine only when a place to start in is reserved')
    .option('--drain [timeout]', 'out of the target groups before the stop, and back after the checks')
    .option('--soak <time>', 'deletes the originals after that, like 7d; without it they wait for commit')
    .option('--require-approval', 'plans, and waits for approve')
    .addOption(new Option('--waves <sizes>', 'like 1,5,25%,rest').argParser(waveList))
    .option('--pause-between <time>', 'between two waves, like 1h')
    .option('--approve-each', 'every wave but the first waits for approve')
    .addOption(
      new Option(
        '--window <when>',
        "like 'SATURDAY,SUNDAY 22:00-04:00 Europe/Berlin', or JSON, or @file",
      ).argParser(windowOf),
    );
}

/** Flags by the fields that they fill. */
const FLAG_OF: Record<string, string> = {
  instanceIds: '--instance',
  volumeIds: '--volume',
  selector: '--tag',
  kmsKeyId: '--key',
  'target.accountId': '--account',
  'target.region': '--region',
  strategy: '--strategy',
  concurrency: '--concurrency',
  maxFailures: '--max-failures',
  maxDowntime: '--max-downtime',
  soak: '--soak',
  waves: '--waves',
  'drain.timeout': '--drain',
  window: '--window',
};

/** Problems of an input in the words of whoever gave flags: `--key: missing` instead of `kmsKeyId: missing`. */
export function inFlagWords(problems: string, { input = {} }: Flags): string {
  const names = Object.keys(FLAG_OF).filter((field) => !((field.split('.')[0] ?? '') in input));
  const field = new RegExp(
    `(^|: |; )(${names.map((name) => name.replace('.', '\\.')).join('|')})(?=[:.[])`,
    'g',
  );
  return problems.replace(field, (_, before: string, name: string) => `${before}${FLAG_OF[name]}`);
}

/** What the flags say; whether that can be started is checked with the input as a whole. */
export function encryptInput(flags: Flags): EncryptInput {
  const { input, instance, volume, tag, key, account, region, waves, pauseBetween, approveEach, window } =
    flags;
  const { strategy, rekey, allow, concurrency, maxFailures, maxDowntime, soak, requireApproval } = flags;
  const { drain, reserveCapacity } = flags;
  const between = { ...(pauseBetween && { pauseBetween }), ...(approveEach && { approveEach }) };
  const hasBetween = Object.keys(between).length > 0;
  const given = {
    instanceIds: instance,
    volumeIds: volume,
    selector: tag && { tags: { all: tag } },
    kmsKeyId: key,
    target: (account ?? region) ? { accountId: account, region } : undefined,
    ...{ strategy, rekey, allow, concurrency, maxFailures, maxDowntime, soak, requireApproval },
    ...{ reserveCapacity, window },
    drain: typeof drain === 'string' ? { timeout: drain } : drain,
    waves: hasBetween ? { sizes: waves, ...between } : waves,
  };
  const known = Object.entries(given).filter(([, value]) => value !== undefined);
  return { ...input, ...Object.fromEntries(known) } as EncryptInput;
}

function waveList(text: string): (number | string)[] {
  return text.split(',').map((size) => (/^\d+$/.test(size.trim()) ? Number(size) : size.trim()));
}

function windowOf(text: string): object {
  const match = WINDOW.exec(text.trim());
  if (!match) return jsonObject(text);
  const [, days, from, to, timezone] = match;
  return { ...(days && { days: days.toUpperCase().split(',') }), from, to, timezone };
}
