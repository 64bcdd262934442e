// npm run conformance: what the tests say of the local AWS, asked of real accounts that may be thrown away.
import { spawnSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('../../..', import.meta.url));

const profiles = process.env.CONFORMANCE_PROFILES;
if (!profiles) {
  console.log(
    [
      'No sandbox account was named, so nothing was asked of the real AWS.',
      'CONFORMANCE_PROFILES=one,two names the AWS profiles of two accounts that hold nothing else and may be thrown away.',
      'A test file starts at most 10 instances (t3.micro) and 1,000 GiB of volumes, for minutes; everything it makes is deleted at the end.',
    ].join('\n'),
  );
  process.exit(0);
}

const folder = join(ROOT, 'conformance');
mkdirSync(folder, { recursive: true });
const transcript = join(folder, `${new Date().toISOString().replaceAll(':', '-')}.jsonl`);
writeFileSync(transcript, '');
console.log(`transcript: ${transcript}`);
const { status } = spawnSync(
  process.execPath,
  [
    join(ROOT, 'node_modules/jest/bin/jest.js'),
    ...['--config', join(ROOT, 'test/aws/conformance/conformance.config.js'), '--runInBand'],
    ...process.argv.slice(2),
  ],
  { stdio: 'inherit', cwd: ROOT, env: { ...process.env, CONFORMANCE_TRANSCRIPT: transcript } },
);
process.exit(status ?? 1);
