import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { ConfigError, hasTemporalAddress, type Environment } from '../config';
import { Holdfast } from '../client';
import { packageFolder } from './package';

/** What the stack of this folder publishes of itself while it runs (`npm start`, `npm run stack`). */
const stackSchema = z.object({ temporalAddress: z.string(), namespace: z.string() });

const STARTS = 'npm run stack';

/**
 * Connects to what is configured, and where nothing is, to the stack of this folder: its ports are others where the usual ones were taken,
 * and whoever owns those is not asked.
 *
 * @throws ConfigError that says which of these does not answer, and what to do
 */
export async function connectedTo(
  environment: Environment,
  folder = join(packageFolder(), '.holdfast'),
): Promise<Holdfast> {
  if (hasTemporalAddress(environment)) return Holdfast.connect(environment);
  const file = join(folder, 'stack.json');
  const stack = readStack(file);
  const variables = stack && {
    TEMPORAL_ADDRESS: stack.temporalAddress,
    TEMPORAL_NAMESPACE: stack.namespace,
  };
  try {
    return await Holdfast.connect({ ...environment, ...variables });
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    throw new ConfigError(
      stack
        ? `the stack that ${file} tells of does not answer at ${stack.temporalAddress}; start it again (${STARTS}), or set TEMPORAL_ADDRESS`
        : `${error.message}; TEMPORAL_ADDRESS is not set, and no stack of this folder runs: start one (${STARTS}), or set it`,
    );
  }
}

function readStack(file: string): z.output<typeof stackSchema> | undefined {
  try {
    return stackSchema.parse(JSON.parse(readFileSync(file, 'utf8')));
  } catch {
    // None runs.
    return undefined;
  }
}
