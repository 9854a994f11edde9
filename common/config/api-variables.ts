import { duration, hosts, integer, list, oneOf, origins, size, text, url } from './parse';
import { checkSigning, lastFields, urlPassword } from './secrets';
import { optional, secret, variable } from './variable';

/** What only the API server reads: its part of the table in variables.ts. */
export const API_VARIABLES = {
  // The API server
  httpHost: variable(
    'DARKROOM_HTTP_HOST',
    text,
    '127.0.0.1',
    'address that the API server listens on; anything but loopback needs DARKROOM_API_KEYS',
  ),
  httpPort: variable('DARKROOM_HTTP_PORT', integer(0, 65_535), '8080', 'port of the API server; 0: any free one'),
  apiKeys: secret(
    'DARKROOM_API_KEYS',
    'keys of the API, comma- or line-separated name:tenant:jobsPerMinute:sha256 of the key in hex (docs/api.md has the options); unset: no keys, loopback only',
    { parts: lastFields },
  ),
  apiKey: secret('DARKROOM_API_KEY', 'the key that commands send with --api'),
  sessionSecret: secret(
    'DARKROOM_SESSION_SECRET',
    'signs the sessions of people who sign in on the page; the same in every replica. Unset: made up, and good for one process',
    { check: checkSigning },
  ),
  trustedProxies: variable(
    'DARKROOM_TRUSTED_PROXIES',
    list,
    '',
    'addresses or networks (10.0.0.0/8) of proxies whose X-Forwarded-Proto counts, comma-separated: over https the page gets a Secure cookie',
  ),
  corsOrigins: variable(
    'DARKROOM_CORS_ORIGINS',
    origins,
    '',
    'origins of other sites whose pages may use the API with a key, comma-separated: https://app.example.com',
  ),
  webhookSecret: secret(
    'DARKROOM_WEBHOOK_SECRET',
    'signs the calls to callbackUrl (starter and worker); unset: jobs with a callbackUrl are refused',
    { check: checkSigning },
  ),
  callbackHosts: variable(
    'DARKROOM_CALLBACK_HOSTS',
    hosts,
    '',
    'hosts that callbackUrl may name (starter and worker), written as in DARKROOM_ALLOWED_HOSTS; a private host:port has to be in DARKROOM_PRIVATE_HOSTS too',
  ),
  healthHost: variable(
    'DARKROOM_HEALTH_HOST',
    text,
    '127.0.0.1',
    'address that /live, /ready and /metrics of the API server listen on, where DARKROOM_API_KEYS are set',
  ),
  healthPort: variable(
    'DARKROOM_HEALTH_PORT',
    integer(0, 65_535),
    '9466',
    'port of those; 0: any free one. Without keys they are on the port of the API',
  ),
  readsPerMinute: variable(
    'DARKROOM_READS_PER_MINUTE',
    integer(0, 1_000_000_000),
    '12000',
    'reads of one key on each API server, lists of batches counting one for each batch; 0: no limit',
  ),
  maxOpen: variable(
    'DARKROOM_MAX_OPEN_JOBS',
    integer(0, 1_000_000_000),
    '1000000',
    'open jobs of one tenant, unless an entry of a key says otherwise; 0: no limit',
  ),
  uploads: optional('DARKROOM_UPLOADS', text, 'URI prefix for uploaded files; unset: _uploads below the outputs'),
  uploadsAge: optional(
    'DARKROOM_UPLOADS_AGE',
    duration,
    'maintenance removes uploaded files that are older and that no open job needs; unset: never',
  ),
  maxUploadBytes: variable('DARKROOM_MAX_UPLOAD_BYTES', size, '5GiB', 'largest upload'),
  uploadsPerDay: variable(
    'DARKROOM_UPLOADS_PER_DAY',
    size,
    '1TiB',
    'bytes that one key may upload in a day to each API server, unless its entry says otherwise; 0: no limit',
  ),
  uploadsAtOnce: variable(
    'DARKROOM_UPLOADS_AT_ONCE',
    integer(1, 10_000),
    '16',
    'uploads at once in one API server, each with about 25 MiB of memory; half of them for one tenant',
  ),
  maxBacklogAge: variable(
    'DARKROOM_MAX_BACKLOG_AGE',
    duration,
    '24h',
    'the API refuses jobs (429) while the oldest waiting task is older than this; 0s: never',
  ),

  // Jobs from a queue, besides those that the API gets
  jobSource: variable(
    'DARKROOM_JOB_SOURCE',
    oneOf('http', 'redis', 'sqs'),
    'http',
    'where the API server also takes jobs from: a Redis stream or an SQS queue',
  ),
  redisUrl: secret('DARKROOM_REDIS_URL', 'redis:// or rediss:// address of the stream of jobs', { parts: urlPassword }),
  redisStream: variable('DARKROOM_REDIS_STREAM', text, 'darkroom:jobs', 'stream of jobs; bad ones go to <name>:dead'),
  sqsUrl: optional('DARKROOM_SQS_URL', url, 'queue of jobs'),
  sqsDeadUrl: optional('DARKROOM_SQS_DEAD_URL', url, 'queue that bad jobs go to'),
} as const;
