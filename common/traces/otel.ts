/** OpenTelemetry itself. Loaded by `startTraces` alone, and never by workflows. */
import os from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  context,
  createTraceState,
  ROOT_CONTEXT,
  SpanKind,
  SpanStatusCode,
  trace,
  type Context,
  type Link,
  type Span as OtelSpan,
} from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http';
import { resourceFromAttributes } from '@opentelemetry/resources';
import {
  BatchSpanProcessor,
  ParentBasedSampler,
  RandomIdGenerator,
  TraceIdRatioBasedSampler,
  TracerProvider,
  type SpanExporter,
} from '@opentelemetry/sdk-trace';
import type { Config } from '../config';
import { redactor } from '../config/redact';
import { formatTraceParent, parseTraceParent, type Carrier } from './names';
import type { Span, SpanOptions, Tracing } from './span';

/** ms that the last spans may take on the way out. */
const FLUSH_MS = 3000;
/** ms for one request to the collector, its repetitions included: less than that, so that a failure is told on the way out. */
const SEND_MS = 2500;
/** Longest text of an attribute, in characters. */
const MAX_TEXT = 1024;

const KINDS = {
  internal: SpanKind.INTERNAL,
  server: SpanKind.SERVER,
  producer: SpanKind.PRODUCER,
  consumer: SpanKind.CONSUMER,
};

/** @param collector base URL of OTLP over HTTP */
export function startTracing(config: Config, collector: string, name: string, tell: (text: string) => void): Tracing {
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
  const ids = new Ids();
  const exporter = new OTLPTraceExporter({ url: `${collector.replace(/\/+$/, '')}/v1/traces`, timeoutMillis: SEND_MS });
  const provider = new TracerProvider({
    idGenerator: ids,
    sampler: new ParentBasedSampler({ root: new TraceIdRatioBasedSampler(config.traceRatio) }),
    spanLimits: { attributeValueLengthLimit: MAX_TEXT },
    // Full queues drop spans: no work ever waits for the collector.
    spanProcessors: [new BatchSpanProcessor({ exporter: outspoken(exporter, new URL(collector).host, tell) })],
    resource: resourceFromAttributes({
      'service.name': `darkroom-${name}`,
      'service.instance.id': `${os.hostname()}-${process.pid}`,
      ...(config.buildId !== undefined && { 'service.version': config.buildId }),
    }),
  });
  const tracer = provider.getTracer('darkroom');
  const clean = redactor(config);
  return {
    open(spanName, { kind = 'internal', attributes, parent, apart, start, id }: SpanOptions) {
      const active = context.active();
      const above = parent === undefined ? active : contextOf(parent);
      const begun = ids.giving(id, () =>
        tracer.startSpan(
          spanName,
          { kind: KINDS[kind], attributes, startTime: start, root: apart, links: apart ? linkTo(active) : [] },
          above,
        ),
      );
      return spanOf(begun, trace.setSpan(active, begun), clean);
    },
    ids() {
      const here = trace.getSpanContext(context.active());
      return here === undefined ? {} : { traceId: here.traceId, spanId: here.spanId };
    },
    async stop() {
      await Promise.race([provider.shutdown().catch(() => undefined), sleep(FLUSH_MS)]);
      context.disable();
    },
  };
}

function spanOf(span: OtelSpan, inside: Context, clean: (text: string) => string): Span {
  const { traceId, spanId, traceFlags, traceState } = span.spanContext();
  const flags = traceFlags.toString(16).padStart(2, '0');
  return {
    run: (work) => context.with(inside, work),
    set: (attributes) => void span.setAttributes(attributes),
    fail({ type, message }) {
      span.setAttribute('error.type', type);
      span.setStatus({ code: SpanStatusCode.ERROR, message: message === undefined ? undefined : clean(message) });
    },
    end: (at) => span.end(at),
    carrier: {
      traceparent: formatTraceParent({ traceId, spanId, flags }),
      ...(traceState !== undefined && { tracestate: traceState.serialize() }),
    },
  };
}

/** A context whose span is elsewhere; without one where the carrier has none. */
function contextOf({ traceparent, tracestate }: Carrier): Context {
  const parent = parseTraceParent(traceparent);
  if (parent === undefined) return ROOT_CONTEXT;
  const { traceId, spanId, flags } = parent;
  return trace.setSpanContext(ROOT_CONTEXT, {
    ...{ traceId, spanId, traceFlags: parseInt(flags, 16), isRemote: true },
    ...(tracestate !== undefined && { traceState: createTraceState(tracestate) }),
  });
}

function linkTo(here: Context): Link[] {
  const spanContext = trace.getSpanContext(here);
  return spanContext === undefined ? [] : [{ context: spanContext }];
}

/** Random ids, but for a span whose id is settled: a workflow's follows from its run. */
class Ids extends RandomIdGenerator {
  private settled: string | undefined;

  constructor() {
    super();
    const random = this.generateSpanId;
    this.generateSpanId = () => this.settled ?? random();
  }

  giving<T>(id: string | undefined, start: () => T): T {
    this.settled = id;
    try {
      return start();
    } finally {
      this.settled = undefined;
    }
  }
}

/** The exporter, which tells once that its collector is away and once that it is back. */
function outspoken(exporter: SpanExporter, host: string, tell: (text: string) => void): SpanExporter {
  let isAway = false;
  return {
    export(spans, done) {
      exporter.export(spans, (result) => {
        const { error } = result;
        if (error !== undefined && !isAway) {
          tell(`Traces do not reach ${host} (${reasonOf(error)}); work goes on without them.`);
        } else if (error === undefined && isAway) tell(`Traces reach ${host} again.`);
        isAway = error !== undefined;
        done(result);
      });
    },
    shutdown: () => exporter.shutdown(),
    forceFlush: () => exporter.forceFlush?.() ?? Promise.resolve(),
  };
}

/** A refused connection comes as an AggregateError that says nothing but its code. */
function reasonOf(error: Error & { code?: unknown }): string {
  return error.message || (typeof error.code === 'string' ? error.code : error.name);
}
