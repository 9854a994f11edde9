import type { Pool } from '../common/contracts';
import type { Metrics } from '../common/metrics';
import type { ImagePool } from '../media/image/pool';
import type { Slots } from './slots';

const EVERY_MS = 5000;

/** Shows the free slots from the start and samples the image children; returns what ends it. */
export function observePools(metrics: Metrics, images: ImagePool, pools: Pool[], slots: Slots): () => void {
  for (const pool of ['image', 'video'] as const) {
    if (!pools.includes(pool)) continue;
    metrics.darkroom_slots_used.set({ pool }, 0);
    metrics.darkroom_slots_available.set({ pool }, slots[pool]);
  }
  const sample = (): void => {
    const { size, rssBytes } = images.stats();
    metrics.darkroom_child_processes.set(size);
    metrics.darkroom_child_memory_bytes.set(rssBytes);
  };
  const timer = setInterval(sample, EVERY_MS);
  sample();
  return () => clearInterval(timer);
}
