import type { FastifyRequest } from 'fastify';
import { isTracing, openSpan, type Span } from '../../../common/traces';
import type { App } from '../app-type';

declare module 'fastify' {
  interface FastifyRequest {
    /** Where traces are on and the request is one for the API. */
    span?: Span;
  }
}

/**
 * A span for each request to the API, within the caller's trace where a `traceparent` came along. It has the route's pattern,
 * never the path or the query, and nothing of who asked.
 */
export function traceRequests(app: App, isApi: (request: FastifyRequest) => boolean): void {
  if (!isTracing()) return;
  app.decorateRequest('span', undefined);
  app.addHook('onRequest', (request, reply, next) => {
    const { method, headers } = request;
    const route = request.routeOptions.url;
    if (route === undefined || !isApi(request)) return next();
    const span = openSpan(`${method} ${route}`, {
      kind: 'server',
      parent: { traceparent: text(headers['traceparent']), tracestate: text(headers['tracestate']) },
      attributes: { 'http.request.method': method, 'http.route': route },
    });
    request.span = span;
    // Comes for answers that were cut off too.
    reply.raw.once('close', () => {
      span.set({ 'http.response.status_code': reply.statusCode });
      span.end();
    });
    span.run(next);
  });
  // Between them the body and the answer pass through the socket, where nobody knows whose they are.
  for (const hook of ['preValidation', 'onResponse'] as const) {
    app.addHook(hook, (request: FastifyRequest, _reply: unknown, next: () => void) => {
      if (request.span === undefined) next();
      else request.span.run(next);
    });
  }
}

function text(header: string | string[] | undefined): string | undefined {
  return typeof header === 'string' ? header : undefined;
}
