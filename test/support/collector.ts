import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';

/** A span as a collector gets it, with its attributes as plain values. */
export interface SentSpan {
  service: string;
  name: string;
  traceId: string;
  spanId: string;
  parentSpanId: string | undefined;
  /** Of OTLP: 1 internal, 2 server, 4 producer, 5 consumer. */
  kind: number;
  attributes: Record<string, string | number | boolean>;
  links: { traceId: string; spanId: string }[];
  /** ns since the epoch. */
  start: bigint;
  end: bigint;
  status: { code?: number; message?: string };
}

/** Takes OTLP over HTTP, as JSON, and keeps all of it. */
export interface Collector {
  url: string;
  spans: SentSpan[];
  /** Everything as it was sent. */
  text(): string;
  close(): Promise<void>;
}

export async function startCollector(): Promise<Collector> {
  const spans: SentSpan[] = [];
  const texts: string[] = [];
  const server = createServer((request, response) => {
    void bodyOf(request).then((text) => {
      texts.push(text);
      spans.push(...spansOf(JSON.parse(text)));
      response.setHeader('content-type', 'application/json').end('{}');
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    spans,
    text: () => texts.join('\n'),
    close: () => {
      server.closeAllConnections();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString();
}

// OTLP is a deep tree of optional things; the assertions see whether it was as expected.
// eslint-disable-next-line @typescript-eslint/no-explicit-any
function spansOf(sent: any): SentSpan[] {
  // eslint-disable-next-line @typescript-eslint/no-explicit-any
  return sent.resourceSpans.flatMap(({ resource, scopeSpans }: any) =>
    // eslint-disable-next-line @typescript-eslint/no-explicit-any
    scopeSpans.flatMap((scope: any) =>
      // eslint-disable-next-line @typescript-eslint/no-explicit-any
      scope.spans.map((span: any) => ({
        service: plain(resource.attributes)['service.name'],
        name: span.name,
        traceId: span.traceId,
        spanId: span.spanId,
        parentSpanId: span.parentSpanId,
        kind: span.kind,
        attributes: plain(span.attributes),
        links: span.links ?? [],
        start: BigInt(span.startTimeUnixNano),
        end: BigInt(span.endTimeUnixNano),
        status: span.status,
      })),
    ),
  );
}

function plain(attributes: { key: string; value: Record<string, string | number | boolean> }[]) {
  return Object.fromEntries(attributes.map(({ key, value }) => [key, Object.values(value)[0] ?? '']));
}
