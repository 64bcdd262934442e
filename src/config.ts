import { existsSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { loadClientConnectConfig, type ClientConnectConfig } from '@temporalio/envconfig';
import { parse as parseYaml, YAMLParseError } from 'yaml';
import { z } from 'zod';
import { accountsFileSchema, type AccountsFile } from './aws/accounts';
import { isHostPattern } from './model/machines/checkHosts';
import { whyUnreadable } from './model/fileWords';
import { parseInput } from './model/input';
import { regionSchema } from './model/target';

/**
 * The environment as the worker, the client and the CLI read it. Temporal is reached as the `temporal` CLI reaches it
 * (`temporal.toml` and `TEMPORAL_*`: https://docs.temporal.io/references/client-environment-configuration), AWS as
 * every SDK does (credential chain, `AWS_REGION`, `AWS_ENDPOINT_URL`); only what neither knows is called `HOLDFAST_*`.
 */
export type Environment = Readonly<Record<string, string | undefined>>;

/** A setting that cannot be used. The message is one line that names the variable and the fix. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
}

export interface TemporalConfig {
  connectionOptions: ClientConnectConfig['connectionOptions'] & { address: string };
  namespace: string;
  /** Absolute path of the module named by `HOLDFAST_DATA_CONVERTER`. */
  dataConverterModule?: string;
}

export interface WorkerConfig {
  temporal: TemporalConfig;
  aws: AwsConfig;
  manifests: StoreLocation;
  evidence: StoreLocation;
  /** Path of a prebuilt workflow bundle; without one the worker bundles the workflows when it starts. */
  workflowBundle?: { path: string; chosen: boolean };
  /** Namespace of CloudWatch metrics; none are sent without it. */
  cloudWatchNamespace?: string;
  /** Webhooks and SNS topics that are told of failures. */
  notify: string[];
  /** Pause between two looks of an activity that waits, where it is not the usual one. */
  pollMs?: number;
  /** Hosts that health checks may reach from the worker; all without it. */
  checkHosts?: string[];
  /** Port of the Prometheus endpoint; metrics are off without it. */
  metricsPort?: number;
  logLevel: LogLevel;
}

export interface AwsConfig {
  region: string;
  /** Set when AWS is not AWS: a local stand-in. The SDK reads the variable itself. */
  endpoint?: string;
  accounts?: AccountsFile;
  /** How much of AWS's request rate Holdfast takes: more than 0, at most 1. */
  apiShare: number;
}

export type StoreLocation = { kind: 'folder'; path: string } | { kind: 's3'; bucket: string; prefix: string };

export const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

const DEFAULT_API_SHARE = 0.5;

const HOSTED_BUNDLE = join(__dirname, '..', 'workflow-bundle.js');

/** A webhook on this machine may do without TLS. */
const RECEIVER =
  /^(https:\/\/\S+|http:\/\/(localhost|127\.0\.0\.1)[:/]\S*|arn:aws[a-z-]*:sns:[a-z0-9-]+:\d{12}:[\w-]+(\.fifo)?)$/;

const storeSchema = z
  .string()
  .regex(
    /^(s3:\/\/[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](\/.*)?|(?!s3:)(?![a-z]+:\/\/).+)$/,
    'write a folder, or s3://bucket/prefix',
  )
  .transform(storeLocation);

const workerEnvironmentSchema = z.object({
  AWS_REGION: z
    .string({ error: 'not set; it is the region of every target that names none, like us-east-1' })
    .pipe(regionSchema),
  AWS_ENDPOINT_URL: z
    .url({ protocol: /^https?$/, error: 'not an http(s) URL; unset it to use AWS itself' })
    .optional(),
  HOLDFAST_ACCOUNTS: z.string().optional(),
  HOLDFAST_MANIFESTS: storeSchema.default(() => storeLocation('.holdfast/manifests')),
  HOLDFAST_EVIDENCE: storeSchema.default(() => storeLocation('.holdfast/evidence')),
  HOLDFAST_WORKFLOW_BUNDLE: z
    .string()
    .refine(existsSync, 'no such file; run npm run build, or unset it')
    .optional(),
  HOLDFAST_METRICS_PORT: z.coerce
    .number('not a port number')
    .int('not a port number')
    .min(0, 'not a port number')
    .max(65_535, 'not a port number')
    .optional(),
  HOLDFAST_API_SHARE: z.coerce
    .number('not a number; write a share like 0.5')
    .gt(0, 'must be more than 0 and at most 1, like 0.5')
    .max(1, 'must be more than 0 and at most 1, like 0.5')
    .default(DEFAULT_API_SHARE),
  HOLDFAST_POLL_SECONDS: z.coerce
    .number('not a number; write seconds, like 5')
    .min(0.05, 'between 0.05 and 60 seconds, like 5')
    .max(60, 'between 0.05 and 60 seconds, like 5')
    .optional(),
  HOLDFAST_CLOUDWATCH_NAMESPACE: z
    .string()
    .regex(/^(?!AWS\/)[\w./#:-]{1,255}$/, 'at most 255 letters, digits and ._/#:-, and not AWS’s own')
    .optional(),
  HOLDFAST_NOTIFY: z
    .string()
    .transform((text) => text.split(/[\s,]+/).filter(Boolean))
    .pipe(z.array(z.string().regex(RECEIVER, 'write https URLs and ARNs of SNS topics, with commas between')))
    .default([]),
  HOLDFAST_CHECK_HOSTS: z
    .string()
    .transform((text) => text.split(/[\s,]+/).filter(Boolean))
    .pipe(
      z.array(
        z
          .string()
          .refine(
            isHostPattern,
            'write names, names like *.example.com, addresses and ranges like 10.0.0.0/8, with commas between',
          ),
      ),
    )
    .optional(),
  HOLDFAST_LOG_LEVEL: z.enum(LOG_LEVELS, { error: `use one of ${LOG_LEVELS.join(', ')}` }).default('info'),
});

/** @throws ConfigError naming every wrong variable */
export function readWorkerConfig(environment: Environment): WorkerConfig {
  const temporal = readTemporalConfig(environment);
  const parsed = parseInput(workerEnvironmentSchema, withoutEmpty(environment));
  if (!parsed.ok) throw new ConfigError(parsed.problems);
  const values = parsed.value;
  const accounts = values.HOLDFAST_ACCOUNTS && readAccountsFile(values.HOLDFAST_ACCOUNTS);
  return {
    temporal,
    aws: {
      region: values.AWS_REGION,
      apiShare: values.HOLDFAST_API_SHARE,
      ...(values.AWS_ENDPOINT_URL && { endpoint: values.AWS_ENDPOINT_URL }),
      ...(accounts && { accounts }),
    },
    manifests: values.HOLDFAST_MANIFESTS,
    evidence: values.HOLDFAST_EVIDENCE,
    logLevel: values.HOLDFAST_LOG_LEVEL,
    notify: values.HOLDFAST_NOTIFY,
    ...(values.HOLDFAST_CLOUDWATCH_NAMESPACE && {
      cloudWatchNamespace: values.HOLDFAST_CLOUDWATCH_NAMESPACE,
    }),
    ...(values.HOLDFAST_POLL_SECONDS && { pollMs: values.HOLDFAST_POLL_SECONDS * 1000 }),
    ...(values.HOLDFAST_CHECK_HOSTS && { checkHosts: values.HOLDFAST_CHECK_HOSTS }),
    ...workflowBundle(values.HOLDFAST_WORKFLOW_BUNDLE),
    ...(values.HOLDFAST_METRICS_PORT && { metricsPort: values.HOLDFAST_METRICS_PORT }),
  };
}

/** What client and CLI need: where Temporal is, and how payloads are converted. @throws ConfigError */
export function readTemporalConfig(environment: Environment): TemporalConfig {
  const given = withoutEmpty(environment);
  const loaded = temporalSettings(given);
  const converter = given.HOLDFAST_DATA_CONVERTER;
  return {
    connectionOptions: {
      ...loaded.connectionOptions,
      address: loaded.connectionOptions.address ?? 'localhost:7233',
    },
    namespace: loaded.namespace ?? 'default',
    ...(converter && { dataConverterModule: resolve(converter) }),
  };
}

/** Whether anything says where Temporal is: a variable, or the profile of a `temporal.toml`. @throws ConfigError */
export function hasTemporalAddress(environment: Environment): boolean {
  return temporalSettings(withoutEmpty(environment)).connectionOptions.address !== undefined;
}

function temporalSettings(given: Record<string, string>): ClientConnectConfig {
  try {
    return loadClientConnectConfig({ overrideEnvVars: given });
  } catch (error) {
    throw new ConfigError(
      `TEMPORAL_*: the Temporal connection settings cannot be read (TEMPORAL_CONFIG_FILE, TEMPORAL_PROFILE or a TLS file): ${oneLine(error)}`,
    );
  }
}

/** @throws ConfigError naming the file, every wrong field and its fix */
export function readAccountsFile(path: string): AccountsFile {
  const fail = (why: string) => new ConfigError(`HOLDFAST_ACCOUNTS: ${path}: ${why}`);
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    throw fail(`cannot be read: ${whyUnreadable(error)}`);
  }
  let content: unknown;
  try {
    content = parseYaml(text);
  } catch (error) {
    if (error instanceof YAMLParseError && error.code === 'MULTIPLE_DOCS')
      throw fail('holds several documents; write all accounts under the one accounts:, without ---');
    const at = error instanceof YAMLParseError ? error.linePos?.[0].line : undefined;
    throw fail(
      `cannot be read as YAML${at === undefined ? '' : ` from line ${at} on`}; look at the colons, the quotes and the indentation there`,
    );
  }
  const parsed = parseInput(accountsFileSchema, content);
  if (!parsed.ok) throw fail(parsed.problems);
  return parsed.value;
}

function storeLocation(text: string): StoreLocation {
  const s3 = /^s3:\/\/([^/]+)\/?(.*)$/.exec(text);
  if (!s3) return { kind: 'folder', path: resolve(text) };
  return { kind: 's3', bucket: s3[1] ?? '', prefix: (s3[2] ?? '').replace(/\/+$/, '') };
}

function workflowBundle(chosen: string | undefined): Pick<WorkerConfig, 'workflowBundle'> {
  if (chosen) return { workflowBundle: { path: resolve(chosen), chosen: true } };
  return existsSync(HOSTED_BUNDLE) ? { workflowBundle: { path: HOSTED_BUNDLE, chosen: false } } : {};
}

/** `FOO=` means the same as no FOO. */
function withoutEmpty(environment: Environment): Record<string, string> {
  return Object.fromEntries(
    Object.entries(environment).filter((entry): entry is [string, string] => !!entry[1]),
  );
}

export function oneLine(error: unknown): string {
  return (error instanceof Error ? error.message : String(error)).replaceAll(/\s*\n\s*/g, ' ');
}
