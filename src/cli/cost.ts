import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { Option, type Command } from 'commander';
import { costOfPolicies, type CostComparison } from '../client';
import { AIM, WAYS, type Way } from '../model/cost/comparison';
import { totalOf, type Bill } from '../model/cost/bill';
import { formatRetention } from '../model/points/retentionTerms';
import { packageFolder } from './package';
import { outputOption, whole, type Output } from './options';
import type { Shell } from './shell';
import { table } from './table';

const NAMES: Record<Way, string> = {
  naive: 'naive',
  sameRetention: 'DLM, AWS Backup',
  holdfast: 'Holdfast',
};

interface CostOptions extends Output {
  volumes: number;
  seed: number;
}

/** `holdfast cost`: what a year of policies costs on a simulated fleet. */
export function addCostCommand(program: Command, shell: Shell): void {
  program
    .command('cost [files...]')
    .description('what a simulated year of policies costs, beside other ways; connects to nothing')
    .addOption(new Option('--volumes <number>', 'of the fleet').argParser(whole).default(1000))
    .addOption(new Option('--seed <number>', 'the same one gives the same fleet').argParser(whole).default(1))
    .addOption(outputOption())
    .action((files: string[], { volumes, seed, ...output }: CostOptions) => {
      const chosen = files.length > 0 ? files : shippedPolicies();
      const comparison = costOfPolicies({ files: chosen, volumes, seed });
      shell.say(output, comparison, () => text(comparison));
    });
}

function shippedPolicies(): string[] {
  const folder = join(packageFolder(), 'policies');
  return readdirSync(folder)
    .filter((name) => name.endsWith('.yaml'))
    .map((name) => join(folder, name));
}

function text({ prices, fleet, policies, naiveRetention, years }: CostComparison): string {
  const { asOf, region, currency } = prices;
  const rows = years.flatMap(({ dailyChange, bills }) =>
    WAYS.map((way, index) => [index === 0 ? percent(dailyChange) : '', NAMES[way], ...bill(bills[way])]),
  );
  const saved = years.map(({ saved: { ofNaive } }) => ofNaive);
  return [
    `The first year of ${fleet.volumes} volumes with ${fleet.gib} GiB written (seed ${fleet.seed}), shared evenly by ${policies.join(', ')};`,
    `${currency}, list prices of ${region} as of ${asOf}; naive: every point kept ${formatRetention(naiveRetention)}, in one tier`,
    '',
    table(['DAILY CHANGE', 'WAY', 'STANDARD', 'ARCHIVE', 'COPIES', 'TRANSFER', 'REQUESTS', 'TOTAL'], rows),
    '',
    `Holdfast saves ${percent(Math.min(...saved))} to ${percent(Math.max(...saved))} of the naive way (aim: ${percent(AIM)})`,
  ].join('\n');
}

function bill(each: Bill): string[] {
  const { standard, archive, copies, transfer, requests } = each;
  return [standard, archive, copies, transfer, requests, totalOf(each)].map((dollars) => dollars.toFixed(0));
}

function percent(share: number): string {
  return `${Math.round(share * 100)} %`;
}
