import path from 'node:path';
import { API_VARIABLES } from './api-variables';
import { LONG_VIDEO_VARIABLES } from './long-video-variables';
import { projectRoot } from '../paths';
import { POOL_NAMES, STANDARD_POOLS } from '../pools';
import { parsePayloadKeys } from './payload-keys';
import { MODEL_VARIABLES } from './model-variables';
import { OBSERVABILITY_VARIABLES } from './observability-variables';
import { REACH_VARIABLES } from './reach-variables';
import { bool, duration, hostAndPort, integer, listOf, size, text, url } from './parse';
import { lastFields } from './secrets';
import { optional, secret, variable } from './variable';

/** Where an embedded run keeps its server's database, samples, outputs and logs. */
const DEFAULT_HOME = path.join(projectRoot(), '.darkroom');

/** Sections in the order of `.env.example`. */
export const VARIABLES = {
  // Temporal. @temporalio/envconfig reads further TEMPORAL_* variables (TLS, profile) and temporal.toml itself.
  temporalAddress: optional(
    'TEMPORAL_ADDRESS',
    text,
    'host:port of the Temporal frontend; unset: an embedded server for the commands, localhost:7233 for the services',
  ),
  temporalNamespace: variable('TEMPORAL_NAMESPACE', text, 'default', 'Temporal namespace'),
  temporalApiKey: secret('TEMPORAL_API_KEY', 'API key for Temporal Cloud'),
  payloadKeys: secret(
    'DARKROOM_PAYLOAD_KEYS',
    'encrypts what Temporal stores: comma- or line-separated id:base64 of 32 bytes; the first encrypts, each decrypts; unset: nothing is encrypted',
    { check: parsePayloadKeys, parts: lastFields },
  ),
  temporalUiUrl: optional(
    'TEMPORAL_UI_URL',
    url,
    'where people reach the Temporal Web UI, for links and for its calls to /codec',
  ),
  connectWait: variable(
    'DARKROOM_CONNECT_WAIT',
    duration,
    '5m',
    'how long start-batch and retry wait at their start for a Temporal or an API that does not answer',
  ),
  queuePrefix: variable(
    'DARKROOM_QUEUE_PREFIX',
    text,
    'darkroom',
    `task queues are ${POOL_NAMES.map((pool) => `<prefix>-${pool}`).join(', ')}`,
  ),

  // The worker
  pools: variable(
    'DARKROOM_POOLS',
    listOf(...POOL_NAMES),
    STANDARD_POOLS.join(','),
    'which task queues this worker serves; models needs what "npm run models" installs',
  ),
  imageSlots: variable(
    'DARKROOM_IMAGE_SLOTS',
    integer(0, 256),
    '0',
    'images at once in this worker; 0: as many as it has cores and memory for',
  ),
  videoSlots: variable(
    'DARKROOM_VIDEO_SLOTS',
    integer(0, 256),
    '0',
    'video steps at once in this worker; 0: as many as it has cores and memory for',
  ),
  ...MODEL_VARIABLES,
  ffmpegThreads: variable(
    'DARKROOM_FFMPEG_THREADS',
    integer(0, 64),
    '0',
    'threads of one ffmpeg; 0: cores divided by video slots, at least 1',
  ),
  suspectUptime: variable(
    'DARKROOM_SUSPECT_UPTIME',
    duration,
    '15s',
    'how long a worker has to live before it takes an item that other workers died of, so that a worker that dies by itself is not blamed on the item',
  ),
  ...LONG_VIDEO_VARIABLES,
  maxCachedWorkflows: variable(
    'DARKROOM_MAX_CACHED_WORKFLOWS',
    integer(0, 100_000),
    '300',
    'workflows kept in memory; sizes the heap',
  ),
  shutdownGrace: variable(
    'DARKROOM_SHUTDOWN_GRACE',
    duration,
    '30s',
    'on SIGTERM, running activities may finish for this long; then they are handed back',
  ),
  shutdownForce: variable(
    'DARKROOM_SHUTDOWN_FORCE',
    duration,
    '45s',
    'on SIGTERM, the worker is gone after this long at the latest; more than the grace, less than the pod gets',
  ),
  buildId: optional('DARKROOM_BUILD_ID', text, 'turns worker versioning on with this build id'),
  deploymentName: variable(
    'DARKROOM_DEPLOYMENT_NAME',
    text,
    'darkroom',
    'worker deployment name when versioning is on',
  ),
  workerHost: variable(
    'DARKROOM_WORKER_HOST',
    text,
    '127.0.0.1',
    'address that /live, /ready and /metrics of the worker listen on',
  ),
  workerPort: variable(
    'DARKROOM_WORKER_PORT',
    integer(0, 65_535),
    '9464',
    'port of /live, /ready and /metrics of the worker; 0: any free one',
  ),
  sdkMetricsPort: variable(
    'DARKROOM_SDK_METRICS_PORT',
    integer(0, 65_535),
    '9465',
    "port of the Temporal SDK's own Prometheus exporter; 0: off",
  ),

  ...API_VARIABLES,

  ...REACH_VARIABLES,

  // S3 or anything that speaks it
  s3Endpoint: optional('S3_ENDPOINT', url, 'another endpoint than AWS'),
  s3Region: variable('S3_REGION', text, 'us-east-1', 'region'),
  s3ForcePathStyle: variable(
    'S3_FORCE_PATH_STYLE',
    bool,
    'false',
    'bucket in the path instead of the host name; most S3-compatible servers need it',
  ),
  s3AccessKeyId: secret('S3_ACCESS_KEY_ID', "access key; unset: the AWS SDK's own chain (IRSA, profile, instance)"),
  s3SecretAccessKey: secret('S3_SECRET_ACCESS_KEY', 'secret key'),

  // A virus scanner
  clamd: optional(
    'DARKROOM_CLAMD',
    hostAndPort,
    'host:port of a clamd that checks every source before anything decodes it; unset: nothing is scanned',
  ),
  clamdMaxBytes: variable(
    'DARKROOM_CLAMD_MAX_BYTES',
    size,
    '100MiB',
    'larger sources are refused where there is a scanner; at most the StreamMaxLength of clamd',
  ),

  // Limits
  scratchDir: variable(
    'DARKROOM_SCRATCH_DIR',
    text,
    '',
    'folder for work files; wants as much room as slots x largest source x 3; unset: DARKROOM_HOME/scratch',
  ),
  scratchMinFree: variable(
    'DARKROOM_SCRATCH_MIN_FREE',
    size,
    '256MiB',
    'a worker whose scratch disk has less room takes no media work until there is more; at most a tenth of a small disk',
  ),
  sourceCache: variable(
    'DARKROOM_SOURCE_CACHE',
    size,
    '4GiB',
    'sources that a worker keeps on its scratch disk between the tasks of a video, for ten minutes at most; 0: each task fetches its own',
  ),
  maxSourceBytes: variable('DARKROOM_MAX_SOURCE_BYTES', size, '20GiB', 'largest source'),
  maxPixels: variable(
    'DARKROOM_MAX_PIXELS',
    integer(1),
    '268402689',
    'pixels of an image, all frames together (libvips counts them so)',
  ),
  maxFrames: variable('DARKROOM_MAX_FRAMES', integer(1), '1000', 'frames of an animation'),
  maxDuration: variable('DARKROOM_MAX_DURATION', duration, '6h', 'length of a video or an audio file'),
  maxStreams: variable('DARKROOM_MAX_STREAMS', integer(1), '64', 'streams of a video or an audio file'),
  imageTimeout: variable('DARKROOM_IMAGE_TIMEOUT', duration, '2m', 'wall time of one image in its child process'),
  imageMaxRss: variable(
    'DARKROOM_IMAGE_MAX_RSS',
    size,
    '0',
    'memory of one image child process; 0: from the memory limit and the slots, at most 2GiB',
  ),
  ffmpegMaxMemory: variable(
    'DARKROOM_FFMPEG_MAX_MEMORY',
    size,
    '0',
    'address space of one ffmpeg (RLIMIT_AS by prlimit, where that exists); 0: from the memory limit and the slots, at most 8GiB',
  ),
  ioStall: variable(
    'DARKROOM_IO_STALL',
    duration,
    '2m',
    'an attempt that moves no byte for so long is ended, and repeated',
  ),
  ffmpegStall: variable('DARKROOM_FFMPEG_STALL', duration, '60s', 'ffmpeg without progress for this long is killed'),
  allowSvg: variable(
    'DARKROOM_ALLOW_SVG',
    bool,
    'false',
    'read SVG, rasterised; files that refer to other files or hosts are refused all the same',
  ),
  reuse: variable('DARKROOM_REUSE', bool, 'true', 'what a tenant has made of the same bytes is copied, not made again'),

  // Maintenance
  maintenanceCron: variable(
    'DARKROOM_MAINTENANCE_CRON',
    text,
    '17 3 * * *',
    'when maintenance removes what is not needed, as five fields of cron in UTC; none: only by npm run maintenance',
  ),
  maintenanceGrace: variable(
    'DARKROOM_MAINTENANCE_GRACE',
    duration,
    '24h',
    'maintenance removes no file that is younger, and no file of a run that closed later than this long ago',
  ),
  quarantineAge: variable(
    'DARKROOM_QUARANTINE_AGE',
    duration,
    '90d',
    'maintenance removes the evidence against an input (quarantine.json) when it is older',
  ),

  // Tools and places
  home: variable('DARKROOM_HOME', text, DEFAULT_HOME, 'data of an embedded run: database, samples, outputs, logs'),
  cacheHome: optional('XDG_CACHE_HOME', text, 'where downloaded and built tools are kept; unset: ~/.cache'),
  embeddedPort: variable(
    'DARKROOM_TEMPORAL_PORT',
    integer(1, 65_535),
    '7233',
    'port of the embedded Temporal server, on the loopback address',
  ),
  embeddedUiPort: variable(
    'DARKROOM_TEMPORAL_UI_PORT',
    integer(1, 65_535),
    '8233',
    'port of its Web UI, on the loopback address',
  ),
  presetsDir: variable('DARKROOM_PRESETS_DIR', text, path.join(projectRoot(), 'presets'), 'folder of preset files'),
  ffmpegPath: optional('FFMPEG_PATH', text, 'the ffmpeg to use instead of the one on PATH'),
  ffprobePath: optional('FFPROBE_PATH', text, 'the ffprobe to use instead of the one on PATH'),

  ...OBSERVABILITY_VARIABLES,
} as const;
