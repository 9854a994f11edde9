import { z } from 'zod';
import { joinUri } from '../../../storage';
import { readiness, type DependencyState, type Health, type Readiness } from '../../../common/health';
import { DarkroomError } from '../../../common/errors';
import { listPresets } from '../../../media/presets';
import type { App } from '../app-type';
import { requireOperator } from '../guard/auth';
import { failures } from '../http/route-docs';
import * as s from '../http/schemas';
import type { Service } from '../service';

const dependency = z.object({ ok: z.boolean(), detail: z.string().optional(), optional: z.literal(true).optional() });
const ready = z.object({ status: z.string(), dependencies: z.record(z.string(), dependency) });
const STORAGE_FRESH_MS = 10_000;

/** What this server depends on, and its metrics. */
export function healthOf(service: Service): Health {
  const storage = storageState(service);
  return {
    ready: async () => ({
      temporal: service.temporal.current,
      server: service.stopping.aborted ? { ok: false, detail: 'stopping' } : { ok: true },
      // No reason to take this server out of the balancer: the others see the same storage.
      storage: { ...(await storage()), optional: true },
    }),
    metrics: () => service.metrics.registry.metrics(),
  };
}

/** /live, /ready, /metrics and /health for machines, /v1/presets for people. */
export function healthRoutes(app: App, service: Service): void {
  const health = healthOf(service);
  const open = { config: { public: true } };
  const response = { 200: ready, 503: ready };

  app.get('/live', { ...open, schema: { tags: ['Health'], summary: 'The process is alive' } }, () => ({
    status: 'live',
  }));
  for (const [path, summary] of [
    ['/ready', 'Jobs can be taken, with the state of each dependency'],
    ['/health', 'The same, where other producers look for it'],
  ] as const) {
    app.get(path, { ...open, schema: { tags: ['Health'], summary, response } }, async (_request, reply) => {
      const { status, body } = await readiness(health);
      return reply.code(status).send(service.keys.open ? body : withoutDetails(body));
    });
  }
  const figures = { description: 'Prometheus text', content: { 'text/plain': { schema: z.string() } } };
  const metrics = {
    tags: ['Health'],
    summary: 'For Prometheus',
    response: { 200: figures as never, ...failures(401, 403) },
  };
  app.get('/metrics', { schema: metrics }, async (request, reply) => {
    requireOperator(request.principal);
    return reply.type(service.metrics.registry.contentType).send(await health.metrics());
  });
  app.get(
    '/v1/presets',
    {
      schema: {
        tags: ['Presets'],
        summary: 'What can be asked for',
        response: { 200: s.presetsAnswer, ...failures(401) },
      },
    },
    async () => {
      const names = await listPresets(service.config.presetsDir);
      const read = await Promise.allSettled(names.map(service.presets));
      const presets = read.flatMap((each) => (each.status === 'fulfilled' ? [{ ...each.value }] : []));
      // One file with a mistake in it takes no other preset along.
      const broken = read.flatMap((each, at) =>
        each.status === 'rejected' ? [{ name: names[at] ?? '', detail: sentenceOf(each.reason) }] : [],
      );
      return { presets, ...(broken.length > 0 && { broken }) };
    },
  );
}

/** @throws what is no mistake in a preset */
function sentenceOf(error: unknown): string {
  if (error instanceof DarkroomError) return error.message;
  throw error;
}

/** Can manifests be read where outputs usually go? Asked once in ten seconds. */
function storageState({ storage, places }: Service): () => Promise<DependencyState> {
  let state: DependencyState = { ok: true };
  let at = 0;
  return async () => {
    if (Date.now() - at > STORAGE_FRESH_MS) {
      at = Date.now();
      state = await storage.readManifest(joinUri(places.outputsOf(undefined, '_ready'))).then(
        () => ({ ok: true }),
        (error: unknown) => ({ ok: false, detail: error instanceof Error ? error.message : String(error) }),
      );
    }
    return state;
  };
}

/** Addresses and names of what is behind are nothing for strangers. */
function withoutDetails({ status, dependencies }: Readiness['body']): Readiness['body'] {
  const states = Object.entries(dependencies).map(([name, { ok, optional }]) => [name, { ok, optional }] as const);
  return { status, dependencies: Object.fromEntries(states) };
}
