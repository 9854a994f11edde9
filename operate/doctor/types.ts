import type { Connection } from '@temporalio/client';
import type { Config } from '../../common/config';

export interface Finding {
  /** `missing`: not there; `broken`: there, but not as it has to be; `optional`: not there, and not needed for everything. */
  state: 'ok' | 'missing' | 'broken' | 'optional';
  /** What was found, in a few words. */
  detail: string;
  /** What to do about it. */
  mend?: string;
}

export interface Context {
  config: Config;
  /** Host:port of the server that commands would use. */
  address: string;
  /** TEMPORAL_ADDRESS or a profile names the server, so that neither it nor its workers are started here. */
  configured: boolean;
  /** Undefined when nothing answers there. */
  connection: Connection | undefined;
}

/** One line of the report. `run` may throw: that is a `broken`. */
export interface Check {
  name: string;
  run(context: Context): Finding | Promise<Finding>;
}

export interface Result extends Finding {
  name: string;
}

export const ok = (detail: string): Finding => ({ state: 'ok', detail });
export const missing = (detail: string, mend: string): Finding => ({ state: 'missing', detail, mend });
export const broken = (detail: string, mend: string): Finding => ({ state: 'broken', detail, mend });
export const optional = (detail: string, mend?: string): Finding => ({ state: 'optional', detail, mend });
