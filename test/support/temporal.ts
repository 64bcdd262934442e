import { defineSearchAttributeKey } from '@temporalio/common';
import { TestWorkflowEnvironment } from '@temporalio/testing';
import { DefaultLogger, Runtime } from '@temporalio/worker';
import { SEARCH_ATTRIBUTES } from '../../src/model/names';
import { pythonProgram } from './paths';

/** The failures that tests provoke would fill the screen at a lower level. */
Runtime.install({ logger: new DefaultLogger('ERROR'), shutdownSignals: [] });

/**
 * A Temporal dev server of this test file's own, on a free port, with the search attributes.
 *
 * @param suggestContinueAsNewAfter events after which the server suggests it; 4096 when left out
 */
export async function devServer(suggestContinueAsNewAfter?: number): Promise<TestWorkflowEnvironment> {
  const dynamic =
    suggestContinueAsNewAfter === undefined
      ? []
      : ['--dynamic-config-value', `limit.historyCount.suggestContinueAsNew=${suggestContinueAsNewAfter}`];
  return TestWorkflowEnvironment.createLocal({
    server: {
      executable: { type: 'existing-path', path: pythonProgram('temporal') },
      extraArgs: ['--output', 'none', ...dynamic],
      log: { format: 'pretty', level: 'never' },
      searchAttributes: Object.values(SEARCH_ATTRIBUTES).map(({ name, type }) =>
        defineSearchAttributeKey(name, type),
      ),
    },
  });
}

/**
 * A server that skips time while someone awaits a result and no activity runs. It knows no Schedules and no
 * visibility queries; one workflow at a time.
 */
export async function timeSkippingServer(): Promise<TestWorkflowEnvironment> {
  const environment = await TestWorkflowEnvironment.createTimeSkipping({
    server: { executable: { type: 'existing-path', path: pythonProgram('temporal-test-server') } },
  });
  await environment.connection.operatorService.addSearchAttributes({
    namespace: environment.namespace ?? 'default',
    searchAttributes: Object.fromEntries(
      Object.values(SEARCH_ATTRIBUTES).map(({ name, type }) => [name, INDEXED_TYPES[type]]),
    ),
  });
  return environment;
}

const INDEXED_TYPES = { KEYWORD: 2, KEYWORD_LIST: 7 } as const;
