import { running } from './shared';
import { removeBundle } from './workflowBundle';

export default async function globalTeardown(): Promise<void> {
  const { aws, bundle } = running();
  if (aws) {
    const gone = new Promise((resolve) => aws.process.once('exit', resolve));
    aws.process.kill('SIGTERM');
    const timer = setTimeout(() => aws.process.kill('SIGKILL'), 5_000);
    await gone;
    clearTimeout(timer);
  }
  if (bundle) await removeBundle(bundle);
}
