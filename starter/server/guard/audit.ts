import { setTimeout as sleep } from 'node:timers/promises';
import type { FastifyRequest } from 'fastify';
import type { App } from '../app-type';
import type { Service } from '../service';
import { SlowDown } from './slow-down';

declare module 'fastify' {
  interface FastifyRequest {
    /** What a change was about and what came of it, for its line in the log: ids and counts. */
    audit: Record<string, string | number> | undefined;
  }
}

const READS = new Set(['GET', 'HEAD', 'OPTIONS', 'TRACE']);

/**
 * Writes one line for each change (who, from where, what, with which outcome) and one for each request that was refused for
 * its key, counts those, and answers an address that collects them ever later.
 */
export function audit(app: App, { metrics }: Service, firstMs?: number): void {
  const slowDown = new SlowDown(firstMs);
  app.decorateRequest('audit', undefined);
  app.addHook('onSend', async (request, reply) => {
    if (reply.statusCode !== 401) return;
    const ms = slowDown.add(request.ip);
    if (ms > 0) await sleep(ms, undefined, { ref: false });
  });
  app.addHook('onResponse', (request, reply, next) => {
    const status = reply.statusCode;
    const refused = status === 401 || status === 403;
    if (refused) metrics.darkroom_auth_failures_total.inc({ status: String(status) });
    if (refused) request.log.warn({ ...lineOf(request), status }, 'refused');
    else if (!READS.has(request.method)) request.log.info({ ...lineOf(request), status }, 'change');
    next();
  });
}

function lineOf(request: FastifyRequest): object {
  const { caller, method, routeOptions, params, ip: address } = request;
  const { id } = (params ?? {}) as { id?: string };
  return {
    ...{ key: caller?.name, tenant: caller?.tenant, address, method, route: routeOptions.url, id: id?.slice(0, 250) },
    ...request.audit,
  };
}
