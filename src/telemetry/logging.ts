import { pino, stdSerializers, stdTimeFunctions, type Logger as PinoLogger } from 'pino';
import type { LogLevel as SdkLogLevel, LogMetadata, Logger } from '@temporalio/common';
import type { LogLevel } from '../config';

/** JSON lines on stdout: `level`, ISO `time`, `msg`, and what the line is about. */
export function createLogger(level: LogLevel): PinoLogger {
  return pino({
    level,
    base: { service: 'holdfast' },
    timestamp: stdTimeFunctions.isoTime,
    formatters: { level: (label) => ({ level: label }) },
    serializers: { error: stdSerializers.err },
  });
}

/**
 * The SDK's logger over pino. The SDK adds workflow, run and activity ids to the lines that workflows and activities
 * write; activities call the run id `workflowRunId`, and here it has one name.
 */
export class TemporalLogger implements Logger {
  constructor(private readonly logger: PinoLogger) {}

  log(level: SdkLogLevel, message: string, meta: LogMetadata = {}): void {
    const { workflowRunId, workflowExecution, taskToken: _, ...fields } = meta as LogMetadata & LogFields;
    const runId = fields.runId ?? workflowRunId ?? workflowExecution?.runId;
    this.logger[PINO_LEVEL[level]](plain({ ...fields, ...(runId !== undefined && { runId }) }), message);
  }

  trace(message: string, meta?: LogMetadata): void {
    this.log('TRACE', message, meta);
  }

  debug(message: string, meta?: LogMetadata): void {
    this.log('DEBUG', message, meta);
  }

  info(message: string, meta?: LogMetadata): void {
    this.log('INFO', message, meta);
  }

  warn(message: string, meta?: LogMetadata): void {
    this.log('WARN', message, meta);
  }

  error(message: string, meta?: LogMetadata): void {
    this.log('ERROR', message, meta);
  }
}

interface LogFields {
  runId?: unknown;
  workflowRunId?: unknown;
  workflowExecution?: { runId?: string };
  taskToken?: unknown;
}

const PINO_LEVEL = { TRACE: 'trace', DEBUG: 'debug', INFO: 'info', WARN: 'warn', ERROR: 'error' } as const;

/** Core logs carry 64-bit numbers and symbols, which JSON does not know. */
function plain(fields: object): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(fields).map(([key, value]) => [
      key,
      typeof value === 'bigint' ? value.toString() : (value as unknown),
    ]),
  );
}
