import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { bundleWorkflowCode, DefaultLogger } from '@temporalio/worker';
import { ROOT } from './paths';

/** Bundles the workflows once for all suites, with the interceptor that shortens timeouts; returns the file. */
export async function bundleWorkflows(): Promise<string> {
  const { code } = await bundleWorkflowCode({
    workflowsPath: path.join(ROOT, 'src/workflows/index.ts'),
    workflowInterceptorModules: [path.join(ROOT, 'test/support/shortenTimeouts.ts')],
    logger: new DefaultLogger('WARN'),
  });
  const folder = await mkdtemp(path.join(tmpdir(), 'holdfast-test-'));
  const file = path.join(folder, 'workflows.js');
  await writeFile(file, code);
  return file;
}

export async function removeBundle(file: string): Promise<void> {
  await rm(path.dirname(file), { recursive: true, force: true });
}
