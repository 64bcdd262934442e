// npm run moto-tests: moto's own tests against the local AWS, compared with the differences that are known and explained.
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { startServer, SERVERS } from '../../../bench/servers.mjs';
import { STATE } from '../../../local/setup/paths.mjs';
import { pythonEnvironment } from '../../../local/setup/python.mjs';
import { CannotGoOn, runMain, say } from '../../../local/setup/say.mjs';
import { setUp } from '../../../local/setup.mjs';

const HERE = fileURLToPath(new URL('.', import.meta.url));
const ENVIRONMENT = join(STATE, 'moto-python');
const DEFAULT_CHECKOUT = join(STATE, 'moto');
const SUITES = [
  ...['amis', 'elastic_block_store', 'instances', 'tags'].map((name) => `tests/test_ec2/test_${name}.py`),
  ...['kms', 'kms_encrypt', 'kms_grants', 'kms_key_rotation'].map((name) => `tests/test_kms/test_${name}.py`),
];

await runMain(async () => {
  const checkout = resolve(process.argv[2] ?? DEFAULT_CHECKOUT);
  requireTests(checkout);
  await setUp();
  await pythonEnvironment(join(HERE, 'requirements.txt'), ENVIRONMENT, 'what moto’s tests need');
  const outcomes = await play(checkout);
  process.exitCode = report(outcomes, knownDifferences());
  process.exit();
});

function requireTests(checkout) {
  const missing = SUITES.filter((suite) => !existsSync(join(checkout, suite)));
  if (missing.length > 0)
    throw new CannotGoOn(
      `moto's tests are not in ${checkout}: git clone --depth 1 https://github.com/getmoto/moto ${DEFAULT_CHECKOUT}, or name a checkout: npm run moto-tests -- <folder>`,
    );
}

/** Outcome by test: passed, failed or skipped. */
async function play(checkout) {
  const [command, args] = SERVERS['local AWS'];
  const server = await startServer([command, [...args, '--default-images']]);
  const folder = mkdtempSync(join(tmpdir(), 'moto-tests-'));
  try {
    const file = join(folder, 'report.xml');
    say(`Playing ${SUITES.length} of moto's test files against ${server.endpoint} …`);
    await pytest(checkout, file, server.endpoint);
    if (!existsSync(file)) throw new CannotGoOn('pytest has written no report; see what it said above');
    return outcomesIn(readFileSync(file, 'utf8'));
  } finally {
    server.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}

function pytest(checkout, file, endpoint) {
  const env = {
    ...process.env,
    ...{ TEST_SERVER_MODE: 'true', TEST_SERVER_MODE_ENDPOINT: endpoint, AWS_DEFAULT_REGION: 'us-east-1' },
    ...{ AWS_ACCESS_KEY_ID: 'FOOBARKEY', AWS_SECRET_ACCESS_KEY: 'FOOBARSECRET' },
  };
  const args = ['-m', 'pytest', '-q', '--tb=no', '-p', 'no:cacheprovider', `--junitxml=${file}`, ...SUITES];
  return new Promise((done) => {
    spawn(join(ENVIRONMENT, 'bin/python'), args, { cwd: checkout, env, stdio: 'inherit' }).once('exit', done);
  });
}

/** pytest's JUnit report: https://docs.pytest.org/en/stable/how-to/output.html#creating-junitxml-format-files */
function outcomesIn(xml) {
  const outcomes = new Map();
  for (const [, attributes, rest] of xml.matchAll(/<testcase ([^>]*?)(\/>|>[\s\S]*?<\/testcase>)/g)) {
    const of = (name) => new RegExp(`\\b${name}="([^"]*)"`).exec(attributes)?.[1] ?? '';
    const test = `${of('classname').replace(/^tests\./, '')}.${of('name')}`;
    outcomes.set(
      test,
      /<(failure|error)\b/.test(rest) ? 'failed' : /<skipped\b/.test(rest) ? 'skipped' : 'passed',
    );
  }
  return outcomes;
}

function knownDifferences() {
  return new Map(Object.entries(JSON.parse(readFileSync(join(HERE, 'differences.json'), 'utf8'))));
}

/** 1 where something differs that nobody has explained, or something explained does not differ any more. */
function report(outcomes, known) {
  const failed = [...outcomes].flatMap(([test, outcome]) => (outcome === 'failed' ? test : []));
  const unexplained = failed.filter((test) => !known.has(test));
  const settled = [...known.keys()].filter((test) => outcomes.get(test) !== 'failed');
  const count = (wanted) => [...outcomes.values()].filter((outcome) => outcome === wanted).length;
  for (const test of unexplained) console.log(`not explained: ${test}`);
  for (const test of settled) console.log(`differs no more, strike it from differences.json: ${test}`);
  console.log(
    `${count('passed')} passed, ${count('skipped')} skipped, ${failed.length} differ, of which ${unexplained.length} are not explained`,
  );
  return outcomes.size === 0 || unexplained.length + settled.length > 0 ? 1 : 0;
}
