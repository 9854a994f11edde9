/**
 * Traces, where DARKROOM_TRACES names a collector. Without it nothing of OpenTelemetry is loaded and all of this does
 * nothing: code that is traced calls these functions and need not know.
 */
import type { Config } from '../config';
import { failureOf, type Attributes, type Carrier, type Failure } from './names';

export interface SpanOptions {
  /** Default: `internal`. */
  kind?: 'internal' | 'server' | 'producer' | 'consumer';
  attributes?: Attributes;
  /** Whose child it is, where a traceparent came along; default: the span at work here. */
  parent?: Carrier;
  /** Begins a trace of its own, with a link to the span at work here. */
  apart?: boolean;
  /** ms since the epoch; default: now. */
  start?: number;
  /** 16 hex digits, where others have been told already. */
  id?: string;
}

/** A span at work. It is sent once it has ended. */
export interface Span {
  /** Runs `work` inside of it: spans and log lines made there belong to it. */
  run<T>(work: () => T): T;
  set(attributes: Attributes): void;
  fail(failure: Failure): void;
  /** @param at ms since the epoch; default: now */
  end(at?: number): void;
  /** For those who go on elsewhere. */
  readonly carrier: Carrier;
}

/** What `otel.ts` offers; loaded only when it is wanted. */
export interface Tracing {
  open(name: string, options: SpanOptions): Span;
  ids(): { traceId?: string; spanId?: string };
  stop(): Promise<void>;
}

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
