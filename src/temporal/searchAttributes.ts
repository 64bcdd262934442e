import type { NativeConnection } from '@temporalio/worker';
import { ConfigError } from '../config';
import { SEARCH_ATTRIBUTES } from '../model/names';

/** Temporal's IndexedValueType by the names that SearchAttributeKey uses, and as the CLI writes them. */
const TYPES = {
  KEYWORD: { value: 2, cli: 'Keyword' },
  KEYWORD_LIST: { value: 7, cli: 'KeywordList' },
} as const;

/** gRPC status codes (https://grpc.io/docs/guides/status-codes/). */
const NOT_FOUND = 5;
const PERMISSION_DENIED = 7;
const UNIMPLEMENTED = 12;

interface Where {
  namespace: string;
  address: string;
}

type Attribute = (typeof SEARCH_ATTRIBUTES)[keyof typeof SEARCH_ATTRIBUTES];

/**
 * Checks that the namespace knows every search attribute. An unregistered one blocks each workflow's first task, over
 * and over, so the worker does not start.
 *
 * @returns the command that registers them, where the server does not let us look (Temporal Cloud)
 * @throws ConfigError with the command that registers what is missing
 */
export async function requireSearchAttributes(
  { operatorService }: Pick<NativeConnection, 'operatorService'>,
  where: Where,
): Promise<string | undefined> {
  const attributes: Attribute[] = Object.values(SEARCH_ATTRIBUTES);
  const registered = await readAttributes(operatorService, where);
  if (!registered) return createCommand(attributes, where);
  const wrong = attributes.find(
    ({ name, type }) => registered.has(name) && registered.get(name) !== TYPES[type].value,
  );
  if (wrong) {
    throw new ConfigError(
      `namespace ${where.namespace}: search attribute ${wrong.name} is registered with another type than ${TYPES[wrong.type].cli}; remove it with: temporal operator search-attribute remove ${flagsOf(where)} --name ${wrong.name}`,
    );
  }
  const missing = attributes.filter(({ name }) => !registered.has(name));
  if (missing.length === 0) return undefined;
  throw new ConfigError(
    `namespace ${where.namespace} lacks search attributes; register them with: ${createCommand(missing, where)}`,
  );
}

async function readAttributes(
  operatorService: NativeConnection['operatorService'],
  { namespace, address }: Where,
): Promise<Map<string, number> | undefined> {
  try {
    const { customAttributes } = await operatorService.listSearchAttributes({ namespace });
    return new Map(Object.entries(customAttributes).map(([name, type]) => [name, Number(type)]));
  } catch (error) {
    const code = (error as { code?: unknown }).code;
    if (code === PERMISSION_DENIED || code === UNIMPLEMENTED) return undefined;
    if (code !== NOT_FOUND) throw error;
    throw new ConfigError(
      `TEMPORAL_NAMESPACE: there is no namespace ${namespace} at ${address}; create it with: temporal operator namespace create --address ${address} --namespace ${namespace}`,
    );
  }
}

function createCommand(attributes: Attribute[], where: Where): string {
  const names = attributes.map(({ name, type }) => `--name ${name} --type ${TYPES[type].cli}`);
  return `temporal operator search-attribute create ${flagsOf(where)} ${names.join(' ')}`;
}

function flagsOf({ namespace, address }: Where): string {
  return `--namespace ${namespace} --address ${address}`;
}
