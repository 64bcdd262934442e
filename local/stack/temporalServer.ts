import { rmSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Connection } from '@temporalio/client';
import { msToTs } from '@temporalio/common/lib/time';
import { SEARCH_ATTRIBUTES } from '../../src/model/names';
import { withoutForeign } from './environment';
import type { Port } from './ports';
import { Problem, reasonOf } from './problem';
import type { Supervisor } from './processes';

export const USUAL_TEMPORAL_PORT = 7233;
export const USUAL_UI_PORT = 8233;
export const NAMESPACE = 'default';

/** Long enough to look a campaign up after a few weeks. */
const RETENTION_DAYS = 30;

const STARTS_WITHIN_MS = 60_000;

const CLI_TYPES = { KEYWORD: 'Keyword', KEYWORD_LIST: 'KeywordList' } as const;

interface ServerOptions {
  cli: string;
  port: Port;
  uiPort: Port;
  state: string;
}

/** Starts the dev server on a new database: the fleet that an old one speaks of is gone with its local AWS. */
export async function startTemporal(supervisor: Supervisor, options: ServerOptions): Promise<Connection> {
  const database = path.join(options.state, 'temporal.db');
  for (const ending of ['', '-wal', '-shm', '-journal']) rmSync(`${database}${ending}`, { force: true });
  const address = `127.0.0.1:${options.port.port}`;
  await supervisor.start({
    name: 'Temporal',
    command: options.cli,
    args: serverArguments(options, database),
    env: withoutForeign(process.env),
    cwd: options.state,
    ready: (line) => (/^\s*(Temporal )?Server:\s/.test(line) ? true : undefined),
    readyWithinMs: STARTS_WITHIN_MS,
  });
  const connection = await connectedTo(address);
  await keepFor(connection, RETENTION_DAYS);
  return connection;
}

function serverArguments({ port, uiPort }: ServerOptions, database: string): string[] {
  return [
    ...['server', 'start-dev', '--ip', '127.0.0.1', '--port', String(port.port)],
    ...['--ui-port', String(uiPort.port), '--db-filename', database, '--namespace', NAMESPACE],
    ...['--log-level', 'warn'],
    ...Object.values(SEARCH_ATTRIBUTES).flatMap(({ name, type }) => [
      '--search-attribute',
      `${name}=${CLI_TYPES[type]}`,
    ]),
  ];
}

/** The frontend answers a moment after the server has said that it is there. */
async function connectedTo(address: string): Promise<Connection> {
  const deadline = Date.now() + STARTS_WITHIN_MS;
  for (;;) {
    try {
      const connection = await Connection.connect({ address, connectTimeout: 5_000 });
      await connection.workflowService.describeNamespace({ namespace: NAMESPACE });
      return connection;
    } catch (error) {
      if (Date.now() > deadline)
        throw new Problem(`Temporal does not answer at ${address}: ${reasonOf(error)}`);
      await sleep(100);
    }
  }
}

async function keepFor(connection: Connection, days: number): Promise<void> {
  await connection.workflowService.updateNamespace({
    namespace: NAMESPACE,
    config: { workflowExecutionRetentionTtl: msToTs(days * 86_400_000) },
  });
}
