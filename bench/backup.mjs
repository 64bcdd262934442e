// Backups by Holdfast, and by Cloud Custodian beside it, on the same local AWS with its limits on.
import { BenchAws, GIB } from './backup/aws.mjs';
import { custodianRun } from './backup/custodian.mjs';
import { BenchHoldfast } from './backup/holdfast.mjs';

/** What a first snapshot takes here (local/aws/awsplus/wire/durations.py), and how many EBS lets be pending. */
const FIRST_SNAPSHOT_SECONDS = 20 + (GIB * 1024) / 120;
const PENDING_AT_ONCE = 100;
/** CreateSnapshots: https://docs.aws.amazon.com/ec2/latest/devguide/ec2-api-throttling.html */
const BUCKET = { size: 100, refill: 5 };
const DR_REGION = 'eu-west-1';
const LOST = 0.2;
const LAG_SECONDS = 5;
/** Of all reads, as a 500. */
const FAILING = 0.02;

const SPEED = Number(process.env.BENCH_SPEED ?? 20);
const LARGE = Number(process.env.BENCH_LARGE ?? 10_000);

const rows = [];

const PARTS = {
  sets: () => creation(4),
  single: () => creation(1),
  steady: steadyState,
  lost: lostAnswers,
  failing: failingReads,
  targets,
  large,
};

/** All parts, or those that BENCH_PARTS names: `sets,single`. */
export async function measure() {
  for (const part of process.env.BENCH_PARTS?.split(',') ?? Object.keys(PARTS)) await PARTS[part]();
  console.log(table());
}

async function creation(volumesEach) {
  const volumes = 1000;
  const instances = volumes / volumesEach;
  await withFleet({ instances, volumesEach }, async (aws) => {
    await aws.live(SPEED);
    await custodianRun(aws);
    const theirs = { calls: await aws.calls(), ...(await aws.snapshots()) };
    note(
      `Cloud Custodian, ${volumes} volumes at ${volumesEach} an instance, without waiting`,
      `${ratio(theirs.calls.total, volumes)} calls a volume, ${percent(theirs.calls)} throttled, ${volumes - theirs.volumes} volumes without a snapshot`,
    );
  });
  await withHoldfast({ instances, volumesEach }, async (aws, holdfast) => {
    const seconds = await timed(aws, () => holdfast.backUp());
    const first = await aws.calls();
    await aws.control('DELETE', 'calls');
    await holdfast.backUp();
    const calls = withoutUserData(await aws.calls());
    const { volumes: covered, tooMany } = await aws.snapshots();
    const aim = volumesEach === 4 ? '≤ 0.30' : '≤ 1.05';
    note(
      `API calls a volume at ${volumesEach} an instance, completion included`,
      ratio(calls.total, volumes),
      aim,
    );
    note(
      'the same in the first run ever, which begins to read user data',
      ratio(first.total, volumes),
      volumesEach === 4 ? '≤ 0.35' : '',
    );
    note(`throttled calls at ${volumesEach} an instance`, percent(calls), '≤ 1 %');
    note(
      `time until ${volumes} volumes at ${volumesEach} an instance are complete, over the floor`,
      `× ${ratio(seconds, floor(volumes, instances))}`,
      '≤ 1.15',
    );
    if (covered !== volumes || tooMany !== volumes)
      throw new Error(`${covered} volumes covered, ${tooMany} too many`);
    details(first);
    details(calls);
  });
}

/** A second slot, when the points of the first are due: creation, expiry and, once, a copy of each. */
async function steadyState() {
  const fleet = { instances: 100, volumesEach: 4 };
  const volumes = 400;
  for (const copies of [undefined, [{ toRegion: DR_REGION }]]) {
    await withHoldfast(
      fleet,
      async (aws, holdfast) => {
        await holdfast.backUp();
        await aws.control('POST', 'clock', { advance: 86_400 });
        holdfast.advanceDays(3);
        await aws.control('DELETE', 'calls');
        await holdfast.backUp();
        const { expired } = await holdfast.expire();
        if (expired.total !== fleet.instances) throw new Error(`${expired.total} points expired`);
        const calls = withoutUserData(await aws.calls());
        const what = copies ? ' and one copy' : '';
        note(
          `steady state, calls a volume and run with expiry${what}`,
          ratio(calls.total, volumes),
          copies ? '≤ 2.45' : '≤ 1.35',
        );
        note(`throttled calls, with expiry${what}`, percent(calls), '≤ 1 %');
        details(calls);
      },
      { copies },
    );
  }
}

async function lostAnswers() {
  const fleet = { instances: 60, volumesEach: 4 };
  const faults = async (aws) => {
    await aws.control('POST', 'faults', {
      action: 'CreateSnapshots',
      chance: LOST,
      effect: { loseAnswer: true },
    });
    await aws.control('POST', 'lag', { seconds: LAG_SECONDS });
  };
  const shown = ({ volumes, tooMany }) =>
    `${tooMany} of ${volumes} (+${Math.round((100 * tooMany) / volumes)} %)`;
  const what = `snapshots too many, ${LOST * 100} % of answers lost, reads ${LAG_SECONDS} s behind`;
  await withFleet(fleet, async (aws) => {
    await aws.live(SPEED);
    await faults(aws);
    await custodianRun(aws);
    note(`Cloud Custodian: ${what}`, shown(await aws.snapshots()));
  });
  await withHoldfast(fleet, async (aws, holdfast) => {
    await faults(aws);
    await holdfast.backUp();
    await aws.control('DELETE', 'faults');
    note(what, shown(await aws.snapshots()), '0');
  });
}

/** One 500 of a read must not begin a page of forty calls anew. */
async function failingReads() {
  const [instances, volumesEach] = [250, 4];
  const volumes = instances * volumesEach;
  await withHoldfast({ instances, volumesEach }, async (aws, holdfast) => {
    await aws.control('POST', 'faults', {
      action: 'Describe*',
      chance: FAILING,
      effect: { error: { code: 'InternalError', status: 500 } },
    });
    const seconds = await timed(aws, () => holdfast.backUp());
    const calls = await aws.calls();
    const what = `${FAILING * 100} % of reads failing`;
    note(`API calls a volume in the first run ever, ${what}`, ratio(calls.total, volumes), '≤ 0.35');
    const least = floor(volumes, instances);
    note(`time until they are complete, ${what}, over the floor`, `× ${ratio(seconds, least)}`, '≤ 1.15');
    details(calls);
  });
}

/** What one more target adds to the histories. */
async function targets() {
  const fleet = { instances: 5, volumesEach: 4 };
  const aws = await BenchAws.start();
  const regions = ['us-east-1', 'us-west-2', DR_REGION];
  for (const region of regions) await aws.fill({ ...fleet, region });
  await aws.live(SPEED);
  const holdfast = await BenchHoldfast.start(aws, { speed: SPEED });
  await holdfast.apply({ targets: regions.slice(0, 1).map((region) => ({ region })) });
  await holdfast.backUp();
  const one = await holdfast.events();
  await holdfast.apply({ targets: regions.map((region) => ({ region })) });
  await holdfast.backUp();
  const both = await holdfast.events();
  const further = (both.total - 2 * one.total) / (regions.length - 1);
  note('history events that a further target adds', String(Math.round(further)), '≤ 40');
  await holdfast.stop();
  aws.stop();
}

async function large() {
  const instances = LARGE / 4;
  await withHoldfast({ instances, volumesEach: 4 }, async (aws, holdfast) => {
    const seconds = await timed(aws, () => holdfast.backUp());
    const events = await holdfast.events();
    await aws.control('DELETE', 'calls');
    await holdfast.backUp();
    const calls = withoutUserData(await aws.calls());
    const figure = LARGE.toLocaleString('en');
    note(
      `time until ${figure} volumes are complete, over the floor`,
      `× ${ratio(seconds, floor(LARGE, instances))}`,
      '≤ 1.15',
    );
    note(`API calls a volume at ${figure} volumes`, ratio(calls.total, LARGE), '≤ 0.30');
    note(`throttled calls at ${figure} volumes`, percent(calls), '≤ 1 %');
    note(`history events a volume at ${figure} volumes`, ratio(events.total, LARGE), '≤ 0.5');
    note('longest history', String(events.longest), '≤ 10,000');
    note(`worker memory at ${figure} volumes`, `${holdfast.peakMiB} MiB`, '< 512 MB');
    details(calls);
  });
}

async function withFleet(fleet, work) {
  const aws = await BenchAws.start();
  try {
    await aws.fill(fleet);
    await work(aws);
  } finally {
    aws.stop();
  }
}

function withHoldfast(fleet, work, more) {
  return withFleet(fleet, async (aws) => {
    const holdfast = await BenchHoldfast.start(aws, { speed: SPEED, share: 1 });
    try {
      await holdfast.apply(more);
      await aws.live(SPEED);
      await work(aws, holdfast);
    } finally {
      await holdfast.stop();
    }
  });
}

/** Seconds of AWS time. */
async function timed(aws, work) {
  const began = await aws.now();
  await work();
  return ((await aws.now()) - began) / 1000;
}

/** The least that EBS's limits allow: the request rate, and a hundred pending snapshots at a time. */
function floor(volumes, sets) {
  const byRate = Math.max(0, (sets - BUCKET.size) / BUCKET.refill);
  return Math.max(byRate, Math.ceil(volumes / PENDING_AT_ONCE) * FIRST_SNAPSHOT_SECONDS);
}

/** The first runs in a place ask for it, a part each; after them nobody does (src/activities/backup/userData.ts). */
function withoutUserData({ total, throttled, byAction }) {
  const { DescribeInstanceAttribute = 0, ...others } = byAction;
  return { total: total - DescribeInstanceAttribute, throttled, byAction: others };
}

function ratio(part, whole) {
  return (part / whole).toFixed(2);
}

function percent({ throttled, total }) {
  return `${((100 * throttled) / total).toFixed(1)} %`;
}

function note(figure, measured, aim = '') {
  rows.push([figure, measured, aim]);
  console.log(`${figure}: ${measured}${aim && ` (aim ${aim})`}`);
}

function details({ byAction }) {
  const shown = Object.entries(byAction).map(([action, calls]) => `${action} ${calls}`);
  console.log(`  ${shown.join(', ')}`);
}

function table() {
  return [
    '| figure | measured | aim |',
    '|---|---|---|',
    ...rows.map((row) => `| ${row.join(' | ')} |`),
  ].join('\n');
}
