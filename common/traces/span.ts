import type { Attributes, Carrier, Failure } from './names';

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
