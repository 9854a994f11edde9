import type { Logger } from '../common/logger';
import type { ModelName, ModelNeeds } from '../common/models';
import type { RuntimeSettings } from './runtime';

export interface ModelHostOptions {
  /** Bytes of all loaded models together; one that is larger alone is not loaded at all. */
  budgetBytes: number;
  /** Models that stay loaded once they are. */
  pinned: readonly ModelName[];
  /** Inferences at once, each of another model. */
  slots: number;
  /** ms for one analysis; then its process is killed. Loading has ten times what the model's row says. */
  timeoutMs: number;
  runtime: RuntimeSettings;
  /** Called after each change of what is loaded, and with what happened. */
  onEvent?: (event: ModelEvent) => void;
  logger?: Logger;
  /** Module of a model's process; tests and the bench put in another one. */
  entry?: string;
  /** What each model needs; the bench has models of its own. */
  needs?: Readonly<Record<string, ModelNeeds>>;
}

/** `warm`: a task met its model loaded; `cold`: it had to wait for the loading. */
export type ModelEvent =
  | { model: ModelName; type: 'loaded'; seconds: number }
  | { model: ModelName; type: 'evicted' | 'died' | 'warm' | 'cold' }
  | { model: ModelName; type: 'done'; seconds: number };
