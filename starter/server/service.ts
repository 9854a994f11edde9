import { Connection, type Client } from '@temporalio/client';
import type { Config } from '../../common/config';
import { Seats } from '../../common/seats';
import type { Logger } from '../../common/logger';
import { createMetrics, type Metrics } from '../../common/metrics';
import { connectionOptions, createClient, namespaceOf } from '../../temporal/connect';
import { presetsOf } from '../../media/presets';
import { createStorage, Places, type Storage } from '../../storage';
import type { ControlOptions } from '../core/control';
import type { PresetSource } from '../core/job';
import { ensureMaintenanceSchedule } from '../core/maintenance';
import type { SubmitContext } from '../core/submit';
import { ManifestCache } from '../core/view/item';
import { createQueueMetrics } from '../queue-metrics';
import type { ApiKeys } from './guard/auth';
import { Backlog } from './guard/backlog';
import { TenantJobs } from './guard/tenant-jobs';
import { TemporalMonitor } from './temporal';

/** What the routes work with. Nothing in it is state that another replica would miss. */
export interface Service extends SubmitContext {
  config: Config;
  client: Client;
  connection: Connection;
  storage: Storage;
  presets: PresetSource;
  metrics: Metrics;
  logger: Logger;
  keys: ApiKeys;
  temporal: TemporalMonitor;
  backlog: Backlog;
  tenantJobs: TenantJobs;
  /** Of this process: event streams, answers that are held until a job is done, batches as NDJSON, uploads, archives. */
  seats: Record<'streams' | 'waits' | 'batches' | 'uploads' | 'archives', Seats>;
  places: Places;
  manifests: ManifestCache;
  changes: Pick<ControlOptions, 'waitMs' | 'limitMs' | 'mostOneByOne'>;
  /** Aborted when the server is asked to stop: whoever waits is answered. */
  stopping: AbortSignal;
}

/** Each event stream looks at Temporal once a second, each held answer keeps one call open there. */
const STREAMS = { all: 500, ofOne: 100 };
const WAITS = { all: 1000, ofOne: 250 };
/** Each compares up to a million jobs. */
const BATCHES = { all: 64, ofOne: 16 };
/** Each reads from the store as fast as its client takes it. */
const ARCHIVES = { all: 32, ofOne: 8 };

/** ms for which an answer waits for the change of a whole batch, and tries again while another operation of the server runs. */
const CHANGES = { waitMs: 5_000, limitMs: 20_000 };

/** What the routes work with; nothing connects before it is used. */
export function createService(config: Config, keys: ApiKeys, logger: Logger, stopping: AbortSignal): Service {
  const connection = Connection.lazy(connectionOptions(config));
  const client = createClient(connection, config);
  const storage = createStorage(config);
  const metrics = createMetrics('starter');
  createQueueMetrics(connection, config, metrics.registry);
  return {
    ...{ config, keys, logger, stopping, connection, client, storage, metrics },
    queuePrefix: config.queuePrefix,
    presets: presetsOf(config.presetsDir),
    temporal: new TemporalMonitor(connection, namespaceOf(config), logger, () =>
      ensureMaintenanceSchedule(client, config),
    ),
    backlog: new Backlog(client, config.queuePrefix, config.maxBacklogAge),
    tenantJobs: new TenantJobs(client),
    seats: {
      streams: new Seats(STREAMS.all, STREAMS.ofOne),
      waits: new Seats(WAITS.all, WAITS.ofOne),
      batches: new Seats(BATCHES.all, BATCHES.ofOne),
      archives: new Seats(ARCHIVES.all, ARCHIVES.ofOne),
      uploads: new Seats(config.uploadsAtOnce, Math.ceil(config.uploadsAtOnce / 2)),
    },
    places: new Places(config),
    changes: CHANGES,
    manifests: new ManifestCache(storage),
  };
}
