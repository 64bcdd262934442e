// Machines to encrypted volumes by Holdfast, and by Cloud Custodian's encrypt-instance-volumes beside it.
import { fileURLToPath } from 'node:url';
import { BenchAws } from './backup/aws.mjs';
import { custodianRun } from './backup/custodian.mjs';
import { BenchHoldfast } from './backup/holdfast.mjs';
import { KEY, Machines } from './encrypt/machines.mjs';

const CUSTODIAN = fileURLToPath(new URL('encrypt/custodian.py', import.meta.url));
const POLICY = {
  policies: [
    {
      name: 'bench',
      resource: 'aws.ebs',
      filters: [{ Encrypted: false }, { State: 'in-use' }],
      actions: [{ type: 'encrypt-instance-volumes', key: KEY }],
    },
  ],
};

/** The fleet of the aims, and as many machines as the five volume copies of a region are enough for. */
const FLEET = Array.from({ length: 6 }, () => [8, 8]);
const CLONED = FLEET.slice(0, 2);
const SIZES = [8, 64, 1024];
const AIMS = { clone: 0.1, direct: 0.25, copy: 0.35 };

/** A clean stop, a start and the status checks here (local/aws/awsplus/wire/durations.py): nobody can be down for less. */
const LEAST = 35 + 18 + 60;

/** AWS seconds a second. What the programs take themselves counts as many: little for the fleet, more where it is about ratios. */
const SPEED = Number(process.env.BENCH_SPEED ?? 3);
const DURATIONS_SPEED = 10;
const SIZES_SPEED = Number(process.env.BENCH_SIZES_SPEED ?? 60);
const CLONED_SIZES_SPEED = 10;
/** Of everything that AWS takes (local/aws/awsplus/wire/durations.py); the clock runs as many times faster. */
const FACTORS = [0.5, 2];

const rows = [];

const PARTS = { fleet, durations, sizes: bySize };

/** All parts, or those that BENCH_PARTS names: `fleet,sizes`. */
export async function measure() {
  for (const part of process.env.BENCH_PARTS?.split(',') ?? Object.keys(PARTS)) await PARTS[part]();
  console.log(table());
}

async function fleet() {
  const theirs = await custodian(FLEET);
  note('Cloud Custodian: downtime per machine', seconds(mean(theirs.downtimes)));
  common('Cloud Custodian', theirs);
  const calls = `≤ 0.45 × ${theirs.callsPerVolume.toFixed(2)} = ${(0.45 * theirs.callsPerVolume).toFixed(2)} (without its waits: 0.45 × 18.25 = 8.21)`;
  for (const [strategy, aim] of Object.entries(AIMS)) {
    const ours = await holdfast(fleetFor(strategy), strategy);
    downtime(strategy, ours, theirs, aim);
    const [beyond, theirBeyond] = [ours, theirs].map(({ downtimes }) => mean(downtimes) - LEAST);
    note(
      `${strategy}: of that beyond a stop, a start and the status checks (${LEAST} s)`,
      `${seconds(beyond)}, × ${(beyond / theirBeyond).toFixed(2)}`,
    );
    common(strategy, ours, { calls, none: '0' });
  }
  const campaign = await holdfast(FLEET, 'auto');
  note(
    'auto: campaign wall time, all six machines at once',
    `${seconds(campaign.wall)} of ${seconds(theirs.wall)}, × ${(campaign.wall / theirs.wall).toFixed(2)}`,
    '≤ × 0.25',
  );
  common('auto', campaign, { calls, none: '0' });
}

/** The same downtimes where everything takes AWS as many times longer. */
async function durations() {
  for (const factor of FACTORS) {
    const speed = DURATIONS_SPEED * factor;
    const theirs = await custodian(FLEET, speed, factor);
    note(`Cloud Custodian, durations × ${factor}: downtime per machine`, seconds(mean(theirs.downtimes)));
    for (const [strategy, aim] of Object.entries(AIMS)) {
      const ours = await holdfast(fleetFor(strategy), strategy, speed, factor);
      downtime(`${strategy}, durations × ${factor}`, ours, theirs, aim);
    }
  }
}

function fleetFor(strategy) {
  return strategy === 'clone' ? CLONED : FLEET;
}

function downtime(who, ours, theirs, aim) {
  const share = mean(ours.downtimes) / mean(theirs.downtimes);
  note(
    `${who}: downtime per machine`,
    `${seconds(mean(ours.downtimes))}, × ${share.toFixed(2)}`,
    `≤ × ${aim.toFixed(2)}`,
  );
}

/** One volume a machine, of each size by each strategy, all at the same time. Large ones are seeded for hours, but for a clone. */
async function bySize() {
  const theirs = await custodian(
    SIZES.map((size) => [size]),
    SIZES_SPEED,
  );
  note(`Cloud Custodian: downtime at ${SIZES.join(', ')} GiB`, theirs.downtimes.map(seconds).join(', '));
  for (const strategy of Object.keys(AIMS)) {
    const ours = await holdfast(
      SIZES.map((size) => [size]),
      strategy,
      strategy === 'clone' ? CLONED_SIZES_SPEED : SIZES_SPEED,
    );
    note(
      `${strategy}: downtime at ${SIZES.join(', ')} GiB`,
      ours.downtimes.map(seconds).join(', '),
      strategy === 'clone' ? 'flat' : '',
    );
  }
}

function common(who, { callsPerVolume, lost, changed, volumes, unencrypted, byAction }, aims = {}) {
  note(`${who}: API calls per volume`, callsPerVolume.toFixed(2), aims.calls);
  note(`${who}: volumes that lost writes`, `${lost} of ${volumes}`, aims.none);
  note(`${who}: volumes whose attributes differ`, `${changed} of ${volumes}`, aims.none);
  if (unencrypted > 0) note(`${who}: volumes that are not encrypted`, `${unencrypted} of ${volumes}`);
  console.log(
    `  ${Object.entries(byAction)
      .map(([action, calls]) => `${action} ${calls}`)
      .join(', ')}`,
  );
}

function custodian(sizes, speed = SPEED, factor = 1) {
  return measured(sizes, factor, async (aws, machines) => {
    await machines.live(speed);
    await custodianRun(aws, POLICY, ['bin/python', CUSTODIAN, String(speed)]);
  });
}

function holdfast(sizes, strategy, speed = SPEED, factor = 1) {
  return measured(sizes, factor, async (aws, machines) => {
    const worker = await BenchHoldfast.start(aws, { speed, share: 1 });
    const input = { instanceIds: machines.ids, kmsKeyId: KEY, strategy, concurrency: sizes.length };
    await machines.live(speed);
    try {
      const { encrypted } = await worker.run('encryptVolumes', { ...input, maxDowntime: '6h' });
      if (encrypted.total !== sizes.length)
        throw new Error(`${encrypted.total} of ${sizes.length} encrypted`);
    } finally {
      await worker.stop();
    }
  });
}

async function measured(sizes, factor, work) {
  const aws = await BenchAws.start();
  try {
    await aws.control('POST', 'durations', { factor });
    const machines = await Machines.start(aws, sizes);
    await work(aws, machines);
    const wall = machines.now;
    await machines.upAgain(300 * factor);
    return { ...(await machines.end()), wall };
  } finally {
    aws.stop();
  }
}

function mean(values) {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

function seconds(value) {
  return Number.isNaN(value) ? 'left stopped' : `${Math.round(value)} s`;
}

function note(figure, value, aim = '') {
  rows.push([figure, value, aim]);
  console.log(`${figure}: ${value}${aim && ` (aim ${aim})`}`);
}

function table() {
  const lines = rows.map((row) => `| ${row.join(' | ')} |`);
  return ['| figure | measured | aim |', '|---|---|---|', ...lines].join('\n');
}
