import { statfs } from 'node:fs/promises';
import { activitiesOfPool } from '../activities/registry';
import type { Config } from '../common/config';
import { OUTCOMES, SUBMIT_MODES } from '../common/contracts';
import { BLAME_OF_DEATH } from '../common/death';
import { ERRORS, type ErrorType } from '../common/errors';
import { KINDS, MEDIA_KINDS } from '../common/kinds';
import { memoryLimit } from '../common/memory';
import type { Metrics } from '../common/metrics';
import { MEDIA_POOLS } from '../common/pools';
import { MODEL_NAMES } from '../common/models';
import type { ImagePool } from '../media/image/pool';
import type { ModelHost } from '../models/host';
import type { Slots } from './slots';

const EVERY_MS = 5000;

/** Shows the free slots from the start and samples children, disk and memory limit; returns what ends it. */
export function observePools(
  metrics: Metrics,
  { images, models }: { images: ImagePool; models?: ModelHost },
  config: Config,
  slots: Slots,
): () => void {
  for (const pool of MEDIA_POOLS) {
    if (!config.pools.includes(pool)) continue;
    metrics.darkroom_slots_used.set({ pool }, 0);
    metrics.darkroom_slots_available.set({ pool }, slots[pool]);
  }
  startAtZero(metrics, config);
  const sample = (): void => {
    const { size, rssBytes } = images.stats();
    metrics.darkroom_child_processes.set(size);
    metrics.darkroom_child_memory_bytes.set(rssBytes);
    if (models) metrics.darkroom_model_memory_bytes.set(models.stats().rssBytes);
    void sampleDisk(metrics, config.scratchDir);
  };
  if (models) metrics.darkroom_model_budget_bytes.set(slots.modelBytes);
  metrics.darkroom_memory_limit_bytes.set(memoryLimit());
  const timer = setInterval(sample, EVERY_MS);
  sample();
  return () => clearInterval(timer);
}

/** A counter that appears with its first event hides that event from `rate`, so what alerts look at starts at zero. */
function startAtZero(metrics: Metrics, { pools }: Config): void {
  for (const kind of MEDIA_KINDS) {
    if (pools.includes('workflows')) {
      for (const outcome of OUTCOMES) {
        metrics.darkroom_items_completed_total.inc({ kind, outcome }, 0);
      }
      for (const mode of SUBMIT_MODES) metrics.darkroom_item_latency_seconds.zero({ kind, mode });
    }
    if (!pools.includes(KINDS[kind].pool)) continue;
    metrics.darkroom_bytes_read_total.inc({ kind }, 0);
    metrics.darkroom_bytes_written_total.inc({ kind }, 0);
    for (const type of Object.keys(ERRORS) as ErrorType[]) metrics.darkroom_errors_total.inc({ kind, type }, 0);
  }
  for (const model of MODEL_NAMES) {
    metrics.darkroom_models_loaded.set({ model }, 0);
    metrics.darkroom_model_wait_seconds.zero({ model });
    metrics.darkroom_model_inference_seconds.zero({ model });
    metrics.darkroom_model_loads_total.inc({ model }, 0);
    metrics.darkroom_model_evictions_total.inc({ model }, 0);
    for (const state of ['warm', 'cold']) metrics.darkroom_model_tasks_total.inc({ model, state }, 0);
  }
  for (const outcome of ['ok', 'retry', 'gave_up']) metrics.darkroom_webhook_deliveries_total.inc({ outcome }, 0);
  for (const reason of Object.keys(BLAME_OF_DEATH)) metrics.darkroom_child_kills_total.inc({ reason }, 0);
  const activities = new Set(pools.flatMap(activitiesOfPool));
  for (const activity of activities) metrics.darkroom_activity_retries_total.inc({ activity }, 0);
}

/** A folder that cannot be made has no disk. */
async function sampleDisk(metrics: Metrics, folder: string): Promise<void> {
  const disk = await statfs(folder).catch(() => undefined);
  if (disk === undefined) return;
  metrics.darkroom_scratch_free_bytes.set(disk.bavail * disk.bsize);
  metrics.darkroom_scratch_size_bytes.set(disk.blocks * disk.bsize);
}
