import { z } from 'zod';
import { joinUri } from '../../../storage';
import type { DependencyState } from '../../../common/health';
import { listPresets } from '../../../media/presets';
import type { App } from '../app-type';
import { failures } from '../http/route-docs';
import * as s from '../http/schemas';
import type { Service } from '../service';

const dependency = z.object({ ok: z.boolean(), detail: z.string().optional() });
const ready = z.object({ status: z.string(), dependencies: z.record(z.string(), dependency) });
const STORAGE_FRESH_MS = 10_000;

/** /live, /ready, /metrics and /health for machines, /v1/presets for people; all but the last without a key. */
export function healthRoutes(app: App, service: Service): void {
  const storage = storageState(service);
  const answer = async (): Promise<{ code: 200 | 503; body: z.output<typeof ready> }> => {
    const dependencies = {
      temporal: service.temporal.current,
      server: service.stopping.aborted ? { ok: false, detail: 'stopping' } : { ok: true },
      // Told, but no reason to take this server out of the balancer: the others see the same storage.
      storage: await storage(),
    };
    const isReady = dependencies.temporal.ok && dependencies.server.ok;
    return { code: isReady ? 200 : 503, body: { status: isReady ? 'ready' : 'not ready', dependencies } };
  };
  const open = { config: { public: true } };
  const health = { tags: ['Health'], response: { 200: ready, 503: ready } };

  app.get('/live', { ...open, schema: { tags: ['Health'], summary: 'The process is alive' } }, () => ({
    status: 'live',
  }));
  app.get(
    '/ready',
    { ...open, schema: { ...health, summary: 'Jobs can be taken, with the state of each dependency' } },
    async (_request, reply) => {
      const { code, body } = await answer();
      return reply.code(code).send(body);
    },
  );
  app.get(
    '/health',
    { ...open, schema: { ...health, summary: 'The same, where other producers look for it' } },
    async (_request, reply) => {
      const { code, body } = await answer();
      return reply.code(code).send(body);
    },
  );
  app.get('/metrics', { ...open, schema: { tags: ['Health'], summary: 'For Prometheus' } }, async (_request, reply) => {
    const { registry } = service.metrics;
    return reply.type(registry.contentType).send(await registry.metrics());
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
      return { presets: (await Promise.all(names.map(service.presets))).map((preset) => ({ ...preset })) };
    },
  );
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
