/** What the parts of a trace agree on. Workflows import it too: no Node and no OpenTelemetry in here. */
import type { WorkItem } from '../contracts';
import { isErrorType } from '../errors';

/** W3C trace context, as it travels in HTTP headers and in Temporal's. */
export interface Carrier {
  traceparent?: string;
  tracestate?: string;
}

/** The Temporal header that the tracing of every SDK uses, so that callers in other languages join in. */
export const TRACE_HEADER = '_tracer-data';

export type Attributes = Record<string, string | number | boolean | undefined>;

/** The parts of a `traceparent`, all in lower-case hex. */
export interface TraceParent {
  traceId: string;
  spanId: string;
  flags: string;
}

/** Undefined for what is no `traceparent`. */
export function parseTraceParent(text: unknown): TraceParent | undefined {
  const match =
    typeof text === 'string' ? /^(?!ff)[\da-f]{2}-([\da-f]{32})-([\da-f]{16})-([\da-f]{2})/.exec(text) : null;
  const [, traceId = '', spanId = '', flags = ''] = match ?? [];
  return /[^0]/.test(traceId) && /[^0]/.test(spanId) ? { traceId, spanId, flags } : undefined;
}

export function formatTraceParent({ traceId, spanId, flags }: TraceParent): string {
  return `00-${traceId}-${spanId}-${flags}`;
}

/** The lowest bit says that the trace is kept. */
export function isSampled({ flags }: TraceParent): boolean {
  return (parseInt(flags, 16) & 1) === 1;
}

/** What a span tells of an item, where `value` is one: never its source, which may hold a signature. */
export function itemAttributes(value: unknown): Attributes {
  const { itemKey, batchId, kind, preset, mode } = (value ?? {}) as Partial<WorkItem>;
  if (itemKey === undefined) return {};
  return {
    'darkroom.batch': batchId,
    'darkroom.kind': kind,
    'darkroom.preset': preset?.name,
    'darkroom.mode': mode ?? 'batch',
  };
}

/** A workflow's span, told when it ends: until then nobody could, since a workflow moves from worker to worker. */
export interface WorkflowSpan {
  parent: Carrier;
  /** 16 hex digits: what its activities call their parent. */
  id: string;
  /** ms since the epoch. */
  start: number;
  end: number;
  attributes: Attributes;
  error?: Failure;
}

export interface Failure {
  /** A row of the error table, else the name of the error's class. */
  type: string;
  message?: string;
}

/** The type of an error and, for rows of the error table, its sentence; other texts may say anything and stay out. */
export function failureOf(error: unknown): Failure {
  if (!(error instanceof Error)) return { type: 'unknown' };
  const { type } = error as { type?: unknown };
  return isErrorType(type) ? { type, message: error.message } : { type: error.name };
}
