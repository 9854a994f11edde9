import type { Config } from '../common/config';
import type { Logger } from '../common/logger';
import type { Metrics } from '../common/metrics';
import type { ModelHost } from '../models/host';
import type { ImagePool } from '../media/image/pool';
import type { FfmpegSettings } from '../media/video';
import type { Storage } from '../storage';
import type { WarmQueues } from './find-model';
import type { SourceCache } from './source-cache';

/** What the activities work with; made once by a worker, and by tests. */
export interface ActivityDeps {
  config: Config;
  storage: Storage;
  /** Sources that several tasks share; absent: each task fetches its own. */
  sources?: SourceCache;
  /** Looks for scratch folders of dead workers on this machine, and removes those found where asked to; absent: none. */
  leftovers?: (remove: boolean) => Promise<{ name: string; bytes: number }[]>;
  /** Where sharp runs. */
  images: ImagePool;
  /** Which queues of models have workers; absent in workers that decide nothing. */
  warmQueues?: WarmQueues;
  /** Where models run; absent in workers that do not serve the pool of models. */
  models?: ModelHost;
  ffmpeg: FfmpegSettings;
  logger: Logger;
  metrics: Metrics;
  /** Versions of what makes the files, for manifests. */
  tools: Record<string, string>;
}
