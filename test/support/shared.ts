import type { LocalAws } from './localAws';

/** What globalSetup hands to the test processes, through the environment. */
const VARIABLES = { awsEndpoint: 'HOLDFAST_TEST_AWS', bundle: 'HOLDFAST_TEST_BUNDLE' } as const;

export function publish(name: keyof typeof VARIABLES, value: string): void {
  process.env[VARIABLES[name]] = value;
}

export function shared(name: keyof typeof VARIABLES): string {
  const value = process.env[VARIABLES[name]];
  if (!value)
    throw new Error(`${VARIABLES[name]} is missing: this project needs the global setup of jest.config.js`);
  return value;
}

interface Running {
  aws?: LocalAws;
  bundle?: string;
}

/** What globalTeardown has to stop; both run in jest's own process. */
export function running(): Running {
  const holder = globalThis as typeof globalThis & { holdfastRunning?: Running };
  holder.holdfastRunning ??= {};
  return holder.holdfastRunning;
}
