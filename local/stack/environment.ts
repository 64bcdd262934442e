import { writeFileSync } from 'node:fs';
import { devNull } from 'node:os';
import path from 'node:path';
import { HOME_REGION } from './accounts';

type Variables = Record<string, string | undefined>;

/**
 * What a caller's environment could use to lead the stack to a real account, a real Temporal or another Python; and
 * proxies, because everything here is on the loopback address.
 */
const FOREIGN = /^(AWS_|TEMPORAL_|HOLDFAST_|PYTHON|NODE_OPTIONS$|BOTO|MOTO_)|(^|_)PROXY$/i;

/** Prefixes of what tells where Temporal and AWS are, and as whom. */
export const FOREIGN_VARIABLES = ['AWS_', 'TEMPORAL_', 'HOLDFAST_'] as const;

/** The caller's environment without anything that tells where Temporal or AWS are, and as whom. */
export function withoutForeign(environment: Variables): Record<string, string> {
  return Object.fromEntries(
    Object.entries(environment).filter(
      (entry): entry is [string, string] => entry[1] !== undefined && !FOREIGN.test(entry[0]),
    ),
  );
}

export interface Endpoints {
  temporalAddress: string;
  namespace: string;
  awsEndpoint: string;
}

/** Credentials that mean something to the local AWS only, and files that hold nothing. */
export function localAwsVariables(endpoint: string): Record<string, string> {
  return {
    AWS_ENDPOINT_URL: endpoint,
    AWS_REGION: HOME_REGION,
    AWS_ACCESS_KEY_ID: 'local',
    AWS_SECRET_ACCESS_KEY: 'local',
    AWS_CONFIG_FILE: devNull,
    AWS_SHARED_CREDENTIALS_FILE: devNull,
    AWS_EC2_METADATA_DISABLED: 'true',
    AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED: 'true',
  };
}

/** What makes worker and client find this stack and nothing else. */
export function stackVariables(endpoints: Endpoints, state: string): Record<string, string> {
  const temporalConfig = path.join(state, 'temporal.toml');
  // envconfig wants the profile that it reads to be there, if empty.
  writeFileSync(temporalConfig, '[profile.default]\n');
  return {
    ...localAwsVariables(endpoints.awsEndpoint),
    TEMPORAL_ADDRESS: endpoints.temporalAddress,
    TEMPORAL_NAMESPACE: endpoints.namespace,
    TEMPORAL_CONFIG_FILE: temporalConfig,
    HOLDFAST_ACCOUNTS: path.join(state, 'accounts.yaml'),
    HOLDFAST_MANIFESTS: path.join(state, 'manifests'),
    HOLDFAST_EVIDENCE: path.join(state, 'evidence'),
    // What takes AWS a minute is over in a tenth of a second here.
    HOLDFAST_POLL_SECONDS: '0.5',
  };
}

/** Makes this process's own environment exactly that: the SDKs inside it read it too. */
export function becomeEnvironment(environment: Record<string, string>): void {
  for (const name of Object.keys(process.env)) if (!(name in environment)) delete process.env[name];
  Object.assign(process.env, environment);
}
