// Cloud Custodian at the same work: https://cloudcustodian.io/docs/aws/resources/ec2.html#aws-ec2-actions-snapshot
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { STATE } from '../../local/setup/paths.mjs';
import { pythonEnvironment } from '../../local/setup/python.mjs';
import { environment, HOME } from './aws.mjs';

const REQUIREMENTS = fileURLToPath(new URL('../requirements.txt', import.meta.url));
const ENVIRONMENT = join(STATE, 'bench-python');

const SNAPSHOTS = {
  policies: [
    {
      name: 'bench',
      resource: 'aws.ec2',
      filters: [{ 'tag:policy': 'bench' }],
      actions: [{ type: 'snapshot', 'copy-tags': ['policy'] }],
    },
  ],
};

/** One run of a policy; that it fails for some is part of the measurement. */
export async function custodianRun({ endpoint }, policy = SNAPSHOTS, program = ['bin/custodian']) {
  await pythonEnvironment(REQUIREMENTS, ENVIRONMENT);
  const folder = mkdtempSync(join(tmpdir(), 'custodian-bench-'));
  try {
    const file = join(folder, 'policy.json');
    writeFileSync(file, JSON.stringify(policy));
    const [command, ...args] = program;
    await new Promise((resolve) => {
      execFile(
        join(ENVIRONMENT, command),
        [...args, 'run', '--region', HOME, '--cache-period', '0', '--output-dir', folder, file],
        { env: { ...process.env, ...environment(endpoint) }, maxBuffer: 100_000_000 },
        resolve,
      );
    });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
