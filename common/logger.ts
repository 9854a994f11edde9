import pino, { type Logger } from 'pino';
import type { Config } from './config';
import { redactor } from './config/redact';
import { traceIds } from './traces';

export type { Logger } from 'pino';

/**
 * The one logger: JSON lines with timestamp, pid and level in production, readable on a terminal.
 * Secrets are cut out of every line by value, since an error's text may carry one. With traces on, a line says which trace
 * and span it belongs to.
 * @param destination file descriptor: 1 for services, 2 for commands whose stdout is data.
 */
export function createLogger(config: Config, name: string, destination: 1 | 2 = 1): Logger {
  const terminal = destination === 1 ? process.stdout.isTTY : process.stderr.isTTY;
  const pretty = config.logFormat === 'pretty' || (config.logFormat === 'auto' && terminal);
  return pino(
    {
      name,
      level: config.logLevel,
      timestamp: pino.stdTimeFunctions.isoTime,
      base: { pid: process.pid },
      formatters: { level: (label) => ({ level: label }) },
      hooks: { streamWrite: redactor(config) },
      mixin: config.traces === undefined ? undefined : traceIds,
    },
    pretty ? prettyStream(destination) : pino.destination({ dest: destination, sync: true }),
  );
}

function prettyStream(destination: 1 | 2): pino.DestinationStream {
  // Loaded only where a person looks, so that production images need not carry it.
  // eslint-disable-next-line @typescript-eslint/no-require-imports
  const load = require('pino-pretty') as typeof import('pino-pretty');
  return load({
    destination,
    sync: true,
    colorize: true,
    ignore: 'pid,hostname,name',
    translateTime: 'SYS:HH:MM:ss.l',
  });
}
