import type { Config } from '../common/config';
import type { Logger } from '../common/logger';
import type { Metrics } from '../common/metrics';
import { MODEL_NAMES, type ModelName } from '../common/models';
import { ModelHost } from '../models/host';
import type { ModelEvent } from '../models/host-options';
import { hasModels, MISSING } from '../models/runtime';
import type { Slots } from './slots';

/**
 * Where this worker holds its models; undefined where it does not serve them.
 * @throws Error that says what to install, or which model is unknown
 */
export function createModelHost(config: Config, slots: Slots, metrics: Metrics, logger: Logger): ModelHost | undefined {
  if (!config.pools.includes('models')) return undefined;
  if (!hasModels()) throw new Error(MISSING);
  const unknown = config.modelPinned.filter((name) => !MODEL_NAMES.includes(name as ModelName));
  if (unknown.length > 0) {
    throw new Error(
      `DARKROOM_MODEL_PINNED: there is no model ${unknown.join(', ')}; there are ${MODEL_NAMES.join(', ')}`,
    );
  }
  return new ModelHost({
    budgetBytes: slots.modelBytes,
    pinned: config.modelPinned as ModelName[],
    slots: slots.models,
    timeoutMs: config.modelTimeout,
    runtime: { providers: config.modelProviders, threads: slots.modelThreads },
    onEvent: (event) => count(metrics, event),
    logger,
  });
}

function count(metrics: Metrics, event: ModelEvent): void {
  const { model, type } = event;
  switch (type) {
    case 'warm':
    case 'cold':
      return metrics.darkroom_model_tasks_total.inc({ model, state: type });
    case 'done':
      return metrics.darkroom_model_inference_seconds.observe({ model }, event.seconds);
    case 'loaded':
      metrics.darkroom_model_loads_total.inc({ model });
      metrics.darkroom_model_load_seconds.observe({ model }, event.seconds);
      return metrics.darkroom_models_loaded.set({ model }, 1);
    case 'evicted':
      metrics.darkroom_model_evictions_total.inc({ model });
      return metrics.darkroom_models_loaded.set({ model }, 0);
    case 'died':
      return metrics.darkroom_models_loaded.set({ model }, 0);
  }
}
