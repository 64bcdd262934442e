import type { DataConverter } from '@temporalio/common';
import { ConfigError, oneLine } from '../config';

/**
 * What a module named by `HOLDFAST_DATA_CONVERTER` exports as `dataConverter`: Temporal's own DataConverter, or a
 * function that makes one, where keys have to be fetched first. Worker, client and CLI load the same module.
 *
 * Codecs see payloads: inputs, results, failure details, memos, and also the summaries and current details that the
 * Web UI shows. Workflow ids, search attributes, activity names and failure messages stay plain: nothing secret goes
 * there.
 */
export interface DataConverterModule {
  dataConverter: DataConverter | (() => DataConverter | Promise<DataConverter>);
}

/** Fails closed: without its module or keys nothing runs in plain text. @throws ConfigError */
export async function loadDataConverter(path: string | undefined): Promise<DataConverter | undefined> {
  if (!path) return undefined;
  const fail = (why: string) => new ConfigError(`HOLDFAST_DATA_CONVERTER: ${path}: ${why}`);
  let made: unknown;
  try {
    const { dataConverter } = (await import(path)) as Partial<DataConverterModule>;
    made = typeof dataConverter === 'function' ? await dataConverter() : dataConverter;
  } catch (error) {
    throw fail(`cannot be used, and without it nothing is started: ${oneLine(error)}`);
  }
  if (!isDataConverter(made)) {
    throw fail(
      'must export dataConverter: an object with payloadCodecs, payloadConverterPath or failureConverterPath, or a function that returns one',
    );
  }
  return made;
}

/** True where workflows need code of the converter's own, which a bundle made without it does not hold. */
export function runsInWorkflows(converter: DataConverter | undefined): boolean {
  return !!(converter?.payloadConverterPath ?? converter?.failureConverterPath);
}

function isDataConverter(value: unknown): value is DataConverter {
  if (typeof value !== 'object' || value === null) return false;
  const { payloadCodecs, payloadConverterPath, failureConverterPath } = value as DataConverter;
  const codecs = Array.isArray(payloadCodecs) && payloadCodecs.length > 0;
  return codecs || typeof payloadConverterPath === 'string' || typeof failureConverterPath === 'string';
}
