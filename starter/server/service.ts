import type { Client, Connection } from '@temporalio/client';
import type { Config } from '../../common/config';
import type { Logger } from '../../common/logger';
import type { Metrics } from '../../common/metrics';
import type { Storage } from '../../storage';
import type { PresetSource } from '../core/job';
import type { SubmitContext } from '../core/submit';
import type { ManifestCache } from '../core/view/item';
import type { ApiKeys } from './guard/auth';
import type { Backlog } from './guard/backlog';
import type { Places } from './guard/places';
import type { TemporalMonitor } from './temporal';

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
  places: Places;
  manifests: ManifestCache;
  /** Aborted when the server is asked to stop: whoever waits is answered. */
  stopping: AbortSignal;
}
