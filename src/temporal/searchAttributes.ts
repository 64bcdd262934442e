import type { NativeConnection } from '@temporalio/worker';
import { SEARCH_ATTRIBUTES } from '../model/names';
import { ConfigError } from '../config';

/** Temporal's IndexedValueType by the names that SearchAttributeKey uses, and as the CLI writes them. */
const TYPES = {
  KEYWORD: { value: 2, cli: 'Keyword' },
  KEYWORD_LIST: { value: 7, cli: 'KeywordList' },
} as const;

/**
 * Checks that the namespace knows every search attribute. An unregistered one blocks each workflow's first task, over
 * and over, so the worker does not start.
 *
 * @throws ConfigError with the command that registers what is missing
 */
export async function requireSearchAttributes(
  { operatorService }: Pick<NativeConnection, 'operatorService'>,
  { namespace, address }: { namespace: string; address: string },
): Promise<void> {
  const { customAttributes } = await operatorService.listSearchAttributes({ namespace });
  const attributes = Object.values(SEARCH_ATTRIBUTES);
  const wrong = attributes.find(({ name, type }) => {
    const registered = customAttributes[name];
    return registered !== undefined && registered !== null && Number(registered) !== TYPES[type].value;
  });
  if (wrong) {
    throw new ConfigError(
      `namespace ${namespace}: search attribute ${wrong.name} is registered with another type than ${TYPES[wrong.type].cli}; remove it with: temporal operator search-attribute remove --namespace ${namespace} --address ${address} --name ${wrong.name}`,
    );
  }
  const missing = attributes.filter(({ name }) => !(name in customAttributes));
  if (missing.length === 0) return;
  const flags = missing.map(({ name, type }) => `--name ${name} --type ${TYPES[type].cli}`).join(' ');
  throw new ConfigError(
    `namespace ${namespace} lacks search attributes; register them with: temporal operator search-attribute create --namespace ${namespace} --address ${address} ${flags}`,
  );
}
