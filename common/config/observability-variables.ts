import { fraction, httpUrl, oneOf, text } from './parse';
import { optional, secret, variable } from './variable';

/** Alerts, logs and traces: the last sections of the table in `variables.ts`. */
export const OBSERVABILITY_VARIABLES = {
  // Alerts, for `npm run monitor`
  alertPageUrl: secret(
    'DARKROOM_ALERT_PAGE_URL',
    'webhook that Alertmanager calls for what wakes somebody; unset: nobody is told',
  ),
  alertTicketUrl: secret(
    'DARKROOM_ALERT_TICKET_URL',
    'webhook that it calls for what waits for a working day; unset: nobody is told',
  ),

  // Logs
  logLevel: variable(
    'LOG_LEVEL',
    oneOf('trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'),
    'info',
    'least level that is printed',
  ),
  noColor: optional('NO_COLOR', text, 'anything: no colours on a terminal'),
  logFormat: variable(
    'LOG_FORMAT',
    oneOf('auto', 'json', 'pretty'),
    'auto',
    'auto: readable on a terminal, JSON elsewhere',
  ),

  // Traces
  traces: optional(
    'DARKROOM_TRACES',
    httpUrl,
    'base URL of an OTLP/HTTP collector that gets traces, such as http://localhost:4318; unset: no traces',
  ),
  traceRatio: variable(
    'DARKROOM_TRACE_RATIO',
    fraction,
    '1',
    'share of traces that is kept, 0 to 1; for a request with a traceparent its sender has decided',
  ),
} as const;
