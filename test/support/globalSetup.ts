import { rmSync } from 'node:fs';
import path from 'node:path';
import { startLocalAws } from './localAws';
import { publish, running } from './shared';
import { bundleWorkflows } from './workflowBundle';

/** One local AWS and one workflow bundle for every suite. Suites keep apart by using account ids of their own. */
export default async function globalSetup(): Promise<void> {
  // Said once in the README; not in every suite.
  process.env.AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED = 'true';
  const state = running();
  const [aws, bundle] = await Promise.all([startLocalAws(), bundleWorkflows()]);
  Object.assign(state, { aws, bundle });
  publish('awsEndpoint', aws.endpoint);
  publish('bundle', bundle);
  // An interrupted jest runs no teardown.
  process.once('exit', () => rmSync(path.dirname(bundle), { recursive: true, force: true }));
}
