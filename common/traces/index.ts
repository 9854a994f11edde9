/**
 * Traces, where DARKROOM_TRACES names a collector. Without it nothing of OpenTelemetry is loaded and all of this does
 * nothing: code that is traced calls these functions and need not know.
 */
import type { Config } from '../config';
import { failureOf } from './names';
import type { Span, SpanOptions, Tracing } from './span';

export type { Span, SpanOptions } from './span';

const NO_SPAN: Span = { run: (work) => work(), set() {}, fail() {}, end() {}, carrier: {} };

let tracing: Tracing | undefined;

/**
 * Turns traces on for this process where the configuration says so; before anything that is to be traced is made.
 * @param name of the program, in `service.name`
 * @param tell is given one sentence when the collector goes away and one when it is back
 */
export function startTraces(config: Config, name: string, tell: (sentence: string) => void): void {
  if (config.traces === undefined || tracing !== undefined) return;
  // eslint-disable-next-line @typescript-eslint/no-require-imports
  const { startTracing } = require('./otel') as typeof import('./otel');
  tracing = startTracing(config, config.traces, name, tell);
}

/** Sends what is left, for three seconds at most. */
export async function stopTraces(): Promise<void> {
  const last = tracing;
  tracing = undefined;
  await last?.stop();
}

export function isTracing(): boolean {
  return tracing !== undefined;
}

export function openSpan(name: string, options: SpanOptions = {}): Span {
  return tracing?.open(name, options) ?? NO_SPAN;
}

/** Runs `work` inside of a span that ends with it; what it throws is noted and passed on. */
export async function inSpan<T>(name: string, options: SpanOptions, work: (span: Span) => Promise<T>): Promise<T> {
  if (tracing === undefined) return work(NO_SPAN);
  const span = openSpan(name, options);
  try {
    return await span.run(() => work(span));
  } catch (error) {
    span.fail(failureOf(error));
    throw error;
  } finally {
    span.end();
  }
}

/** For log lines: the trace and span at work here. A fresh object each time. */
export function traceIds(): { traceId?: string; spanId?: string } {
  return tracing?.ids() ?? {};
}
