import swagger from '@fastify/swagger';
import swaggerUi from '@fastify/swagger-ui';
import fastify, {
  LogController,
  type FastifyBaseLogger,
  type FastifyInstance,
  type FastifyRequest,
  type RawReplyDefaultExpression,
  type RawRequestDefaultExpression,
  type RawServerDefault,
} from 'fastify';
import { serializerCompiler, validatorCompiler, type ZodTypeProvider } from 'fastify-type-provider-zod';
import { codecRoutes } from './codec';
import { checkBrowser, type Principal } from './guard/auth';
import { sendProblem } from './http/failures';
import { NDJSON } from './http/ndjson';
import { openApi, openApiTransform } from './http/openapi';
import { ApiError } from './http/problems';
import { traceRequests } from './http/traces';
import { aliasRoutes } from './routes/aliases';
import { batchRoutes } from './routes/batches';
import { controlRoutes } from './routes/control';
import { eventRoutes } from './routes/events';
import { fileRoutes } from './routes/files';
import { healthRoutes } from './routes/health';
import { jobRoutes } from './routes/jobs';
import { pageRoutes } from './routes/page';
import { sessionRoutes } from './routes/session';
import { stepRoutes } from './routes/steps';
import { throughputRoutes } from './routes/throughput';
import { uploadRoutes } from './routes/uploads';
import type { Service } from './service';

export type App = FastifyInstance<
  RawServerDefault,
  RawRequestDefaultExpression,
  RawReplyDefaultExpression,
  FastifyBaseLogger,
  ZodTypeProvider
>;

declare module 'fastify' {
  interface FastifyRequest {
    principal: Principal;
  }
  interface FastifyContextConfig {
    /** Answers without a key. */
    public?: boolean;
    /** Its body may take as long as it comes. */
    streaming?: boolean;
    /** Origin of another site whose pages may use it. */
    guest?: string;
  }
}

/** The reference is all here, its styles inline; nothing comes from elsewhere. */
const DOCS_CSP =
  "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; object-src 'none'; base-uri 'self'; frame-ancestors 'none'";

/** Bytes of an ordinary body, and ms until it has to be there. */
const MAX_BODY = 1024 * 1024;
const BODY_MS = 30_000;
/** The longest id is 201 characters, an escaped file name more. */
const MAX_PARAM = 1024;

/** The whole HTTP side, not yet listening. */
export async function createApp(service: Service): Promise<App> {
  const logger: FastifyBaseLogger = service.logger;
  const app: App = fastify({
    loggerInstance: logger,
    logController: new LogController({ disableRequestLogging: true }),
    bodyLimit: MAX_BODY,
    forceCloseConnections: 'idle',
    // Only theirs is the word on whether the browser came by https.
    trustProxy: service.config.trustedProxies,
    routerOptions: { maxParamLength: MAX_PARAM },
  }).withTypeProvider<ZodTypeProvider>();
  app.setValidatorCompiler(validatorCompiler);
  app.setSerializerCompiler(serializerCompiler);
  app.setErrorHandler(sendProblem);
  app.setNotFoundHandler((request) => {
    throw new ApiError('NotFound', `There is no ${request.method} ${request.url.split('?')[0]}; see /docs.`);
  });
  takeStreams(app);
  traceRequests(app, isApi);
  guard(app, service);
  measure(app, service);

  await app.register(swagger, { openapi: openApi(service.keys.open), transform: openApiTransform });
  await app.register(swaggerUi, { routePrefix: '/docs', staticCSP: DOCS_CSP, theme: { title: 'Darkroom API' } });
  app.get('/openapi.json', { config: { public: true }, schema: { hide: true } }, () => app.swagger());
  // After the plugin, so that it sees them.
  await app.register((routes, _options, done) => {
    const api = routes as App;
    for (const add of [jobRoutes, batchRoutes, uploadRoutes, eventRoutes, controlRoutes, fileRoutes]) add(api, service);
    healthRoutes(api, service);
    aliasRoutes(api, service);
    stepRoutes(api, service);
    throughputRoutes(api, service);
    sessionRoutes(api, service);
    if (service.config.payloadKeys !== undefined) codecRoutes(api, service);
    pageRoutes(api);
    done();
  });
  return app;
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

/** Who asks, before anything else is looked at; and a limit to how long the asking may take. */
function guard(app: App, { keys, stopping }: Service): void {
  app.decorateRequest('principal', null as unknown as Principal);
  app.addHook('onRequest', (request, reply, next) => {
    void reply.header('x-content-type-options', 'nosniff').header('referrer-policy', 'no-referrer');
    const { public: isPublic, streaming, guest } = request.routeOptions.config;
    const { host, origin } = request.headers;
    checkBrowser(origin !== undefined && origin === guest ? { host } : request.headers, keys.open);
    if (isApi(request) && !isPublic) request.principal = keys.principal(request);
    if (!streaming) limitBody(request);
    next();
  });
  app.addHook('onSend', (_request, reply, _payload, next) => {
    // A connection that is kept alive would hold up the stop.
    if (stopping.aborted) void reply.header('connection', 'close');
    if (!reply.hasHeader('content-security-policy')) {
      void reply.header('content-security-policy', "default-src 'none'; frame-ancestors 'none'");
    }
    next();
  });
}

/** The page, the reference and what machines ask for need no key; what they show needs one. */
function isApi({ url }: FastifyRequest): boolean {
  return /^\/(v1\/|produce|batch-produce)/.test(url);
}

function limitBody({ raw }: FastifyRequest): void {
  const late = new ApiError('Timeout', 'The body did not arrive in time.');
  const timer = setTimeout(() => raw.complete || raw.destroy(late), BODY_MS);
  raw.once('end', () => clearTimeout(timer)).once('close', () => clearTimeout(timer));
}

function measure(app: App, { metrics, logger }: Service): void {
  app.addHook('onResponse', (request, reply, next) => {
    const { method } = request;
    const route = routeOf(request);
    const status = String(reply.statusCode);
    metrics.http_request_duration_seconds.observe({ method, route, status }, reply.elapsedTime / 1000);
    logger.debug({ method, route, status, ms: Math.round(reply.elapsedTime), key: request.principal?.name }, 'request');
    next();
  });
}

/** The pattern, never the path: paths have ids in them. An answer held for its caller (?wait=) is no slow one, so it stands apart. */
function routeOf({ routeOptions, query }: FastifyRequest): string {
  const { wait } = query as { wait?: unknown };
  return `${routeOptions.url ?? 'none'}${wait ? '?wait' : ''}`;
}
