import swagger from '@fastify/swagger';
import swaggerUi from '@fastify/swagger-ui';
import fastify, { LogController, type FastifyBaseLogger, type FastifyInstance, type FastifyRequest } from 'fastify';
import { serializerCompiler, validatorCompiler, type ZodTypeProvider } from 'fastify-type-provider-zod';
import type { App } from './app-type';
import { codecRoutes } from './codec';
import { audit } from './guard/audit';
import { gate, nothingThere } from './guard/gate';
import { shareWithOrigins } from './http/cors';
import { sendProblem, sendRawProblem } from './http/failures';
import { otherMethods } from './http/methods';
import { NDJSON } from './http/ndjson';
import { openApi, openApiTransform, openApiTransformObject } from './http/openapi';
import { ApiError } from './http/problems';
import { refuseUnknownQuery } from './http/query';
import { traceRequests } from './http/traces';
import { aliasRoutes } from './routes/aliases';
import { archiveRoutes } from './routes/archive';
import { batchRoutes } from './routes/batches';
import { campaignRoutes } from './routes/campaigns';
import { controlRoutes } from './routes/control';
import { costRoutes } from './routes/costs';
import { duplicateRoutes } from './routes/duplicates';
import { deletionRoutes } from './routes/deletion';
import { eventRoutes } from './routes/events';
import { fileRoutes } from './routes/files';
import { healthRoutes } from './routes/health';
import { jobRoutes } from './routes/jobs';
import { listRoutes } from './routes/lists';
import { maintenanceRoutes } from './routes/maintenance';
import { pageRoutes } from './routes/page';
import { queueRoutes } from './routes/queues';
import { sessionRoutes } from './routes/session';
import { stepRoutes } from './routes/steps';
import { throughputRoutes } from './routes/throughput';
import { uploadRoutes } from './routes/uploads';
import type { Service } from './service';

/** The reference is all here, its styles inline; nothing comes from elsewhere. */
const DOCS_CSP =
  "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; object-src 'none'; base-uri 'self'; frame-ancestors 'none'";

/** Bytes of an ordinary body. */
const MAX_BODY = 1024 * 1024;
/** The longest id is 201 characters, an escaped file name more. */
const MAX_PARAM = 1024;

/** Times that tests lower, ms: until an ordinary body has to be there, and the first delay of a refusal. */
export interface Times {
  body?: number;
  slowDown?: number;
  /** That the sender of an upload may be silent. */
  upload?: number;
}

/** The whole HTTP side, not yet listening. */
export async function createApp(service: Service, times: Times = {}): Promise<App> {
  const logger: FastifyBaseLogger = service.logger;
  const app: App = fastify({
    loggerInstance: logger,
    logController: new LogController({ disableRequestLogging: true }),
    bodyLimit: MAX_BODY,
    forceCloseConnections: 'idle',
    // Only theirs is the word on whether the browser came by https.
    trustProxy: service.config.trustedProxies,
    routerOptions: { maxParamLength: MAX_PARAM },
    frameworkErrors: sendProblem,
    clientErrorHandler: sendRawProblem,
  }).withTypeProvider<ZodTypeProvider>();
  app.setValidatorCompiler(validatorCompiler);
  app.setSerializerCompiler(serializerCompiler);
  app.setErrorHandler(sendProblem);
  app.setNotFoundHandler((request) => {
    throw nothingThere(request);
  });
  await shareWithOrigins(app, service.config);
  const refuseOtherMethods = otherMethods(app);
  takeStreams(app);
  traceRequests(app, isApi);
  gate(app, service, times.body);
  audit(app, service, times.slowDown);
  refuseUnknownQuery(app);
  finish(app, service);
  measure(app, service);

  await app.register(swagger, {
    openapi: openApi(service.keys.open),
    transform: openApiTransform,
    transformObject: openApiTransformObject,
  });
  await app.register(docsRoutes);
  app.get('/openapi.json', { config: { public: true }, schema: { hide: true } }, () => app.swagger());
  // After the plugin, so that it sees them.
  await app.register((routes, _options, done) => {
    const api = routes as App;
    for (const add of [jobRoutes, batchRoutes, listRoutes, eventRoutes, controlRoutes, deletionRoutes, fileRoutes]) {
      add(api, service);
    }
    uploadRoutes(api, service, times.upload);
    healthRoutes(api, service);
    aliasRoutes(api, service);
    archiveRoutes(api, service);
    stepRoutes(api, service);
    throughputRoutes(api, service);
    costRoutes(api, service);
    maintenanceRoutes(api, service);
    queueRoutes(api, service);
    duplicateRoutes(api, service);
    campaignRoutes(api, service);
    sessionRoutes(api, service);
    if (service.config.payloadKeys !== undefined) codecRoutes(api, service);
    pageRoutes(api);
    done();
  });
  refuseOtherMethods();
  return app;
}

/** The reference, which is public; the plugin declares its routes without a word about that. */
async function docsRoutes(app: FastifyInstance): Promise<void> {
  app.addHook('onRoute', (route) => {
    route.config = { ...route.config, public: true };
  });
  await app.register(swaggerUi, { routePrefix: '/docs', staticCSP: DOCS_CSP, theme: { title: 'Darkroom API' } });
}

/** These two types are handed over as they come, a chunk at a time. */
function takeStreams(app: App): void {
  app.addContentTypeParser(NDJSON, (_request, payload, done) => done(null, payload));
  app.removeContentTypeParser('text/plain');
  app.addContentTypeParser('*', (request, payload, done) => {
    if (request.is404 || request.routeOptions.url === '/v1/uploads/:name') return done(null, payload);
    done(new ApiError('UnsupportedType', 'Send application/json.'));
  });
}

/** What every answer carries. */
function finish(app: App, { stopping }: Service): void {
  app.addHook('onSend', (_request, reply, _payload, next) => {
    // A connection that is kept alive would hold up the stop.
    if (stopping.aborted) void reply.header('connection', 'close');
    if (!reply.hasHeader('content-security-policy')) {
      void reply.header('content-security-policy', "default-src 'none'; frame-ancestors 'none'");
    }
    next();
  });
}

/** By the route's pattern: what the page and machines fetch is not traced. */
function isApi({ routeOptions }: FastifyRequest): boolean {
  return /^\/(v1\/|produce|batch-produce)/.test(routeOptions.url ?? '');
}

function measure(app: App, { metrics, logger }: Service): void {
  app.addHook('onResponse', (request, reply, next) => {
    const { method } = request;
    const route = routeOf(request);
    const status = String(reply.statusCode);
    metrics.http_request_duration_seconds.observe({ method, route, status }, reply.elapsedTime / 1000);
    logger.debug({ method, route, status, ms: Math.round(reply.elapsedTime), key: request.caller?.name }, 'request');
    next();
  });
}

/** The pattern, never the path: paths have ids in them. An answer held for its caller (?wait=) is no slow one, so it stands apart. */
function routeOf({ routeOptions, query }: FastifyRequest): string {
  const { wait } = query as { wait?: unknown };
  return `${routeOptions.url ?? 'none'}${wait ? '?wait' : ''}`;
}
